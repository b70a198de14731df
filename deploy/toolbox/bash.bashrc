# Read by every interactive bash. The uid is the target's and rarely has a name, so the prompt shows numbers.
[ -z "$PS1" ] && return
PS1="\[\e[2m\]$(id -u):$(id -g)\[\e[0m\] \w \\$ "
# The session is recorded; a history file would only be one more place with the same words in it.
unset HISTFILE
shopt -s checkwinsize
alias ll='ls -l --color=auto'
# The target's files, seen through its first process.
export TARGET=/proc/1/root
