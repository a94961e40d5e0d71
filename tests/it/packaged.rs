//! What packages ship beside the program: man pages and completions, made from the command
//! line's definition.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap_complete::Shell;
use clap_mangen::Man;
use timpush_exporter::cli;

const NAME: &str = "timpush-exporter";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/package")
}

/// A man page, whose examples keep their lines.
fn page(command: &clap::Command) -> Vec<u8> {
    let mut page = Vec::new();
    // Dated pages would differ from day to day.
    let version = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).date("").source(version);
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page).unwrap();
    }
    let help = command.get_after_help().unwrap().to_string();
    let examples = help.split_once(":\n").unwrap().1;
    page.extend(b".SH EXAMPLES\n.nf\n");
    for line in examples.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let first = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        page.extend(format!("{first}{line}\n").bytes());
    }
    page.extend(b".fi\n");
    page
}

/// Without white space that nobody sees.
fn trimmed(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let mut lines = String::new();
    for line in text.lines() {
        lines += line.trim_end();
        lines.push('\n');
    }
    lines.into_bytes()
}

/// Every file below `deploy/package`, by its path there.
fn made() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut program = cli::definition();
    program.build();
    let mut add_page = |command: &clap::Command| {
        let name = command.get_display_name().unwrap_or(NAME).replace(' ', "-");
        files.insert(format!("man/{name}.1"), trimmed(&page(command)));
    };
    add_page(&program);
    program
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .for_each(add_page);
    for (shell, name) in [
        (Shell::Bash, "timpush-exporter.bash"),
        (Shell::Fish, "timpush-exporter.fish"),
        (Shell::Zsh, "_timpush-exporter"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::definition(), NAME, &mut script);
        if shell == Shell::Bash {
            // The generator (4.6.11) looks for commands under another name than it gives them,
            // if the program's name has a dash.
            let text = String::from_utf8(script).unwrap();
            let looked_for = "timpush__subcmd__exporter__";
            script = text.replace(looked_for, "timpush__exporter__").into_bytes();
        }
        files.insert(format!("completions/{name}"), trimmed(&script));
    }
    files
}

#[test]
fn man_pages_and_completions_are_as_the_command_line_is() {
    let made = made();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, bytes) in &made {
            let path = folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    for (name, bytes) in &made {
        let kept = fs::read(folder().join(name)).unwrap_or_default();
        assert!(
            kept == *bytes,
            "{name} is not as the command line is: UPDATE_GOLDEN=1 cargo test --test it packaged"
        );
    }
    let pages = fs::read_dir(folder().join("man")).unwrap();
    let scripts = fs::read_dir(folder().join("completions")).unwrap();
    assert_eq!(pages.count() + scripts.count(), made.len());
}

#[test]
fn bash_completes_commands_options_and_their_values() {
    let top = tempfile::tempdir().unwrap();
    let script = top.path().join("completions");
    fs::write(&script, &made()["completions/timpush-exporter.bash"]).unwrap();
    for (words, expected) in [
        ("timpush-exporter back", "backfill"),
        ("timpush-exporter run --shard-t", "--shard-total"),
        ("timpush-exporter run --log-format j", "json"),
    ] {
        // As bash does at a tab.
        let complete = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; \
             _timpush__exporter timpush-exporter \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash")
            .args(["-c", &complete])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim(), expected, "{output:?}");
    }
}
