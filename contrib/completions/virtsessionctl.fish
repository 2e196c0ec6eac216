# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion of virtsessionctl, which knows by itself what may follow.

function __virtsessionctl_complete
    set -l typed (commandline --tokenize --current-process --cut-at-cursor)
    virtsessionctl __complete $typed[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end

complete --command virtsessionctl --no-files --arguments '(__virtsessionctl_complete)'
