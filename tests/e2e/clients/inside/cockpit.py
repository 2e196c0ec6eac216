#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives Cockpit's page of virtual machines in a browser without a screen: cockpit.py USER PASSWORD COMMAND..., one
after the other.

  see TEXT             until the page has it
  not-see TEXT         until the page has it no more
  press SELECTOR       what the CSS selector finds
  do NAME VERB         an entry of the menu of the VM's row: pause, forceOff, delete
  write SELECTOR TEXT  into a field, instead of what is there"""

import sys
import time

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DEADLINE = 90  # seconds; generous: reached only when a test fails
FRAME = "cockpit1:localhost/machines"


class Page:
    def __init__(self, user, password):
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1280,1000"):
            options.add_argument(word)
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.get("http://localhost:9090/machines")
        self.find("#login-user-input").send_keys(user)
        self.find("#login-password-input").send_keys(password)
        self.press("#login-button")
        self.wait_until(self.enter_frame, "the page of virtual machines")
        self.press("#ignore-hw-virtualization-disabled-btn")  # there is no KVM in the host

    def enter_frame(self):
        self.driver.switch_to.default_content()
        self.driver.switch_to.frame(FRAME)
        return True

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def wait_until(self, condition, what):
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                result = condition()
            except WebDriverException:  # what was looked at has just gone, or is not there yet
                result = None
            if result:
                return result
            if time.monotonic() > deadline:
                sys.exit(f"waited in vain for: {what}; the page says:\n{self.text()}")
            time.sleep(0.2)

    def find(self, selector):
        return self.wait_until(lambda: next((found for found in self.driver.find_elements(By.CSS_SELECTOR, selector)
                                             if found.is_displayed()), None), selector)

    def press(self, selector):
        def pressed():
            self.find(selector).click()
            return True
        self.wait_until(pressed, f"{selector} is pressed")

    def see(self, text):
        self.wait_until(lambda: text in self.text(), repr(text))

    def not_see(self, text):
        self.wait_until(lambda: text not in self.text(), f"no more {text!r}")

    def do(self, name, verb):
        self.press(f"#vm-{name}-session-action-kebab button")
        self.press(f"#vm-{name}-session-{verb}")

    def write(self, selector, text):
        self.find(selector).send_keys(Keys.CONTROL, "a")
        self.find(selector).send_keys(text)


page = Page(*sys.argv[1:3])
words = sys.argv[3:]
try:
    while words:
        command, count = {"see": (page.see, 1), "not-see": (page.not_see, 1), "press": (page.press, 1),
                          "do": (page.do, 2), "write": (page.write, 2)}[words[0]]
        command(*words[1:1 + count])
        words = words[1 + count:]
finally:
    page.driver.quit()
