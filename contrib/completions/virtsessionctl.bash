# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of virtsessionctl, which knows by itself what may follow.

_virtsessionctl() {
  local cur words cword
  _get_comp_words_by_ref -n '=:' cur words cword
  local quote=
  case $cur in [\'\"]*) quote=${cur:0:1} ;; esac
  # What was typed, without the quotes that the shell would take off.
  local -a typed=("${words[@]:1:cword}")
  typed=("${typed[@]#[\'\"]}")
  typed=("${typed[@]%[\'\"]}")
  typed=("${typed[@]//\\/}")
  mapfile -t COMPREPLY < <(virtsessionctl __complete "${typed[@]}" 2>/dev/null | cut -f1)
  [ ${#COMPREPLY[@]} -gt 0 ] || return 0
  case ${COMPREPLY[0]} in *[=:]) compopt -o nospace ;; esac
  local i
  if [ -z "$quote" ]; then
    for i in "${!COMPREPLY[@]}"; do printf -v "COMPREPLY[i]" %q "${COMPREPLY[i]}"; done
  fi
  # readline completes only what follows the last of these.
  local breaks=${COMP_WORDBREAKS//[^=:]/}
  if [ -n "$breaks" ]; then
    local before=${cur%"${cur##*["$breaks"]}"}
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
  fi
}
complete -F _virtsessionctl virtsessionctl
