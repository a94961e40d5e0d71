# Steps of a script: run by their names, timed and summed up at the end. tests/all and tests/peers read this file.
#
# shellcheck shell=bash

declare -a WANTED=("$@")
notes=$(mktemp --directory)
readonly notes
trap 'rm -rf "$notes"' EXIT

is_wanted() {
    local name
    ((${#WANTED[@]} == 0)) && return
    for name in "${WANTED[@]}"; do
        [[ $name == "$1" ]] && return
    done
    return 1
}

only_names() {
    [[ ${WANTED[0]-} == --list ]]
}

# Runs a step, or only says its name. After a failure no other step begins.
step() {
    local name=$1 start=$SECONDS status=0 output
    shift
    if only_names; then
        echo "$name"
        return
    fi
    is_wanted "$name" || return 0
    [[ ! -e $notes/failed ]] || return 1
    output=$(mktemp --tmpdir="$notes")
    "$@" >"$output" 2>&1 || status=$?
    {
        # One step at a time writes.
        flock 9
        printf '\n== %s, %d s\n' "$name" $((SECONDS - start))
        cat "$output"
        if ((status != 0)); then
            printf '\n%s FAILED with status %d: %s\n' "$name" "$status" "$*"
            echo "$name" >>"$notes/failed"
        fi
    } 9>>"$notes/lock"
    rm "$output"
    ((status == 0)) || return 1
    printf '%5d s  %s\n' $((SECONDS - start)) "$name" >>"$notes/passed"
}

# Runs what single steps need, too, whichever are wanted.
always() {
    local wanted=("${WANTED[@]}")
    only_names || WANTED=()
    "$@" || return
    WANTED=("${wanted[@]}")
}

# Refuses names that no step of the script has.
check_names() {
    local script=$1 name names
    if only_names || ((${#WANTED[@]} == 0)); then
        return
    fi
    names=$("$script" --list)
    for name in "${WANTED[@]}"; do
        if ! grep -qxF "$name" <<<"$names"; then
            echo "no step is called $name; $script --list prints the names" >&2
            exit 2
        fi
    done
}

# Runs functions of steps beside each other, and waits for all of them. The next step knows whether one failed.
beside() {
    local lane
    for lane in "$@"; do
        if only_names; then
            "$lane"
        else
            "$lane" &
        fi
    done
    wait
}

ended() {
    ! only_names || exit 0
    printf '\n'
    cat "$notes/passed" 2>/dev/null || true
    printf '%5d s  in all\n' "$SECONDS"
    local passed=0 failed=0
    [[ ! -e $notes/passed ]] || passed=$(wc -l <"$notes/passed")
    [[ ! -e $notes/failed ]] || failed=$(wc -l <"$notes/failed")
    printf '%d passed, %d failed\n' "$passed" "$failed"
    exit $((failed > 0))
}
