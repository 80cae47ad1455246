_tdxinfo_completion() {
    local IFS=$'\n'
    local response type value word number
    local rest=${COMP_LINE:0:COMP_POINT}
    local -a words=()
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

    response=$(
        env COMP_WORDS="${words[*]}" COMP_CWORD=$number _TDXINFO_COMPLETE=bash_complete $1
    )

    # bash replaces only what is behind the last colon.
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && word=${word%"${word##*:}"} || word=

    for completion in $response; do
        IFS=',' read type value <<< "$completion"

        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("${value#"$word"}")
        fi
    done

    return 0
}

_tdxinfo_completion_setup() {
    complete -o nosort -F _tdxinfo_completion tdxinfo
}

_tdxinfo_completion_setup;
