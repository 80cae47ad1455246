_tdxinfo_completion() {
    local IFS=$'\n'
    local word number line offered
    local rest=${COMP_LINE:0:COMP_POINT}
    local -a words=() lines=()
    local count=0 place

    # bash ends a word at each character of COMP_WORDBREAKS, such as the colon. What has no blank
    # before it belongs to the word before.
    for ((place = 0; place <= COMP_CWORD; place++)); do
        word=${COMP_WORDS[place]}
        if [[ $place == 0 || $rest == [[:blank:]]* ]]; then
            rest=${rest#"${rest%%[![:blank:]]*}"}
            count=$((count + 1))
        fi
        [[ $place == "$COMP_CWORD" ]] && word=$rest
        words[count - 1]+=$word
        rest=${rest#"$word"}
    done
    number=$((count - 1))
    word=${words[number]}

    mapfile -t lines < <(
        env COMP_WORDS="${words[*]}" COMP_CWORD="$number" _TDXINFO_COMPLETE=bash_complete "$1"
    )

    # bash replaces only what is behind the last colon.
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && word=${word%"${word##*:}"} || word=

    # Each line is a kind and, behind a comma, the word that is offered.
    for line in "${lines[@]}"; do
        offered=${line#*,}
        case $line in
        plain,*) COMPREPLY+=("${offered#"$word"}") ;;
        file,*) compopt -o default ;;
        dir,*) compopt -o dirnames ;;
        esac
    done
}
complete -o nosort -F _tdxinfo_completion tdxinfo
