# Read by every interactive bash. The prompt is the one that Hatchway sets: bash's own would say "I have no name!",
# because the uid is the target's.
[ -z "$PS1" ] && return
# The session is recorded; a history file would only be one more place with the same words in it.
unset HISTFILE
shopt -s checkwinsize
alias ll='ls -l --color=auto'
