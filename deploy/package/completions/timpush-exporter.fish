# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_timpush_exporter_global_optspecs
    string join \n config= listen= replica-index= shard-index= shard-total= log-format= log-level= h/help V/version
end

function __fish_timpush_exporter_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_timpush_exporter_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_timpush_exporter_using_subcommand
    set -l cmd (__fish_timpush_exporter_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l listen -d 'Where to serve, in place of the configuration\'s `listen`' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l replica-index -d 'This replica\'s number, so that replicas do not poll in step' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l shard-index -d 'Poll the apps of one shard only: its number from 0, or `auto` for the number after the last dash of the host name, as pods of a StatefulSet have it. Also TIMPUSH_SHARD_INDEX' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l shard-total -d 'How many shards share the configuration. Also TIMPUSH_SHARD_TOTAL' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -s V -l version -d 'Print version'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "run" -d 'Poll the service and serve metrics'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "demo" -d 'Show the whole thing without credentials, on a simulated service'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "simulate" -d 'Run the service\'s simulator alone, for drills and tests'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "check-config" -d 'Check a configuration and show how many calls it needs'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "query" -d 'Send the service one query and show the response in a form for people'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "trace" -d 'Show what became of one push, step by step'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "probe" -d 'Measure what the service does not document, and show the settings to use'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "backfill" -d 'Write what the daemon would have served in the last 7 days, to load it into Prometheus'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "healthcheck" -d 'Fail unless a daemon responds, for containers without a shell'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "usersig" -d 'Print a signature and its expiry, to try the service by hand'
complete -c timpush-exporter -n "__fish_timpush_exporter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l listen -d 'Where to serve, in place of the configuration\'s `listen`' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l replica-index -d 'This replica\'s number, so that replicas do not poll in step' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l shard-index -d 'Poll the apps of one shard only: its number from 0, or `auto` for the number after the last dash of the host name, as pods of a StatefulSet have it. Also TIMPUSH_SHARD_INDEX' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l shard-total -d 'How many shards share the configuration. Also TIMPUSH_SHARD_TOTAL' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand run" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand demo" -l listen -d 'Where to serve' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand demo" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand demo" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand demo" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -l listen -d 'Where to serve' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -l config -d 'Take apps and keys from this configuration; without it they are made up' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -l scenario -d 'Faults and incidents to begin with' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand simulate" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand check-config" -l config -d 'The same, as the other commands name it' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand check-config" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand check-config" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand check-config" -l without-secrets -d 'Do not look for secret files and variables'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l app -d 'The app\'s name in the configuration; can be left out where there is only one' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l region -d 'One of the app\'s regions; without it, all of them' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l since -d 'How long the range is, such as 1h or 2h30m; without it, as long as the app\'s window' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l from -d 'Start of the range: -2h, 2026-11-25, \'2026-11-25 14:00\' by the app\'s `day_offset`, RFC 3339 or Unix seconds' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l to -d 'End of the range, as --from, or now; without it, the newest time that has settled' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l output -d 'A table for people, or JSON for programs' -r -f -a "table\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -l all -d 'Show every row: churn, rows under 1 % and the overall counts, too'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand query" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l app -d 'The app\'s name in the configuration; can be left out where there is only one' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l region -d 'One of the app\'s regions; without it, all of them' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l push-id -d 'A push that followed a chat message: the message\'s id, which the console calls `Push ID`' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l task-id -d 'A push to all users, to a tag or to listed users: the task\'s id, with --user-id' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l user-id -d 'The user whose devices are meant' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l output -d 'A table for people, or JSON for programs' -r -f -a "table\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand trace" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l app -d 'The app\'s name in the configuration; can be left out where there is only one' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l region -d 'One of the app\'s regions; without it, all of them are measured' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l output -d 'A table for people, or JSON for programs' -r -f -a "table\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l quick -d 'Leave out how long counts take to settle, which takes up to half an hour'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -l whole-limit -d 'Take all of the app\'s call limit; without it, what the daemon needs is left to it'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand probe" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l app -d 'One app\'s name in the configuration; without it, all apps are filled' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l from -d 'Time of the first samples: -3d, 2026-11-25, \'2026-11-25 14:00\' by the app\'s `day_offset`, RFC 3339 or Unix seconds; the service keeps 7 days. With --demo it can be left out: as early as possible' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l to -d 'Time of the last samples, as --from. With --demo it can be left out: as late as possible' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l step -d 'Time between samples, such as 1m or 1h; divides a day. The shorter, the more calls' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l output -d 'The file to write, which must not exist unless --overwrite is given; without it, standard output' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l label -d 'A label for every series, as the scrape configuration adds them; repeatable' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l demo -d 'Instead of a configuration, the apps of `demo` and their simulated service'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l overwrite -d 'Replace the file if it exists, as a whole'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l resume -d 'Continue what was interrupted: with the same arguments, the same file comes out'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -l whole-limit -d 'Take all of the app\'s call limit; without it, what the daemon needs is left to it'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand backfill" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -l config -d 'Check the daemon of this configuration: its `listen` on this machine, with TLS if its web file has it, whatever name the certificate is for' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -l url -d 'What must respond with status 200; without it and --config, the configuration that `run` would find, else port 10898 of this machine without TLS' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -l ca-file -d 'Root certificates to trust for an https URL, PEM' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand usersig" -l config -d 'The configuration; without it timpush.yml is looked for in the working directory, then in /etc/timpush-exporter' -r -F
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand usersig" -l app -d 'The app\'s name in the configuration; can be left out where there is only one' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand usersig" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand usersig" -l log-level -d 'What is logged. error: what ends the program or a reload; warn: failing polls and odd settings, too; info: start, reloads and recoveries, too; debug: each repeated failure and each connection that ends early, too; trace: nothing more' -r
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand usersig" -s h -l help -d 'Print help'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "run" -d 'Poll the service and serve metrics'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "demo" -d 'Show the whole thing without credentials, on a simulated service'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "simulate" -d 'Run the service\'s simulator alone, for drills and tests'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "check-config" -d 'Check a configuration and show how many calls it needs'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "query" -d 'Send the service one query and show the response in a form for people'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "trace" -d 'Show what became of one push, step by step'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "probe" -d 'Measure what the service does not document, and show the settings to use'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "backfill" -d 'Write what the daemon would have served in the last 7 days, to load it into Prometheus'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "healthcheck" -d 'Fail unless a daemon responds, for containers without a shell'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "usersig" -d 'Print a signature and its expiry, to try the service by hand'
complete -c timpush-exporter -n "__fish_timpush_exporter_using_subcommand help; and not __fish_seen_subcommand_from run demo simulate check-config query trace probe backfill healthcheck usersig help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
