// SPDX-License-Identifier: LGPL-2.1-or-later
//
// answer-udp PORT TEXT: answers each datagram with TEXT. Busybox has nothing that does.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char** arguments) {
  if (count != 3) return 64;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&here, sizeof here) != 0) {
    perror("answer-udp");
    return 1;
  }
  for (;;) {
    char asked[1500];
    struct sockaddr_in there;
    socklen_t size = sizeof there;
    if (recvfrom(fd, asked, sizeof asked, 0, (struct sockaddr*)&there, &size) < 0) continue;
    sendto(fd, arguments[2], strlen(arguments[2]), 0, (struct sockaddr*)&there, size);
  }
}
