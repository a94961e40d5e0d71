//! Keys and other things on the machine that runs. All keys here are made up.

use super::*;

#[test]
fn secrets_are_looked_for_unless_told_otherwise() {
    let written = write(
        "timpush.yml",
        app("secret_key_file: shop.key, secret_key_env: X"),
    );
    let directory = written.path.parent().unwrap();
    let file = directory.join("shop.key");
    let file = file.display();
    let check = |text: &str| {
        fs::write(&written.path, text).unwrap();
        match Config::load(&written.path, &env(&[]), Secrets::Check) {
            Ok(config) => config.notices.join("\n"),
            Err(problems) => problems.bare(),
        }
    };
    let with =
        |key: &str| format!("apps: [{{sdk_app_id: 1, identifier: a, regions: [china], {key}}}]");
    let by_file = with("secret_key_file: shop.key");
    assert_eq!(
        check(&by_file),
        format!(
            "apps[0].secret_key_file: cannot read the secret key from {file}: No such file or directory (os error 2)"
        )
    );
    fs::write(directory.join("shop.key"), "\n").unwrap();
    assert_eq!(
        check(&by_file),
        format!(
            "apps[0].secret_key_file: {file} holds no usable secret key: the secret key is empty"
        )
    );
    fs::write(directory.join("shop.key"), "made up\n").unwrap();
    set_mode(&directory.join("shop.key"), 0o440);
    assert_eq!(
        check(&by_file),
        "apps[0].secret_key_file: the key is not 64 hex digits as the console shows it; check that it was copied whole"
    );
    set_mode(&directory.join("shop.key"), 0o640);
    fs::write(directory.join("shop.key"), format!("{MADE_UP_KEY}\n")).unwrap();
    assert_eq!(check(&by_file), "");
    set_mode(&directory.join("shop.key"), 0o444);
    assert_eq!(
        check(&by_file),
        "apps[0].secret_key_file: names a file that every user of this machine can read; run chmod o-r on it, or mount it with mode 0440"
    );
    assert_eq!(
        check(&with(&format!("secret_key_file: {MADE_UP_KEY}"))),
        "apps[0].secret_key_file: looks like a secret key, so it is not repeated here; the key belongs into the file of secret_key_file or the variable of secret_key_env"
    );
    assert_eq!(
        check(&with("secret_key_env: MADE_UP_AND_UNSET")),
        "apps[0].secret_key_env: the environment variable MADE_UP_AND_UNSET, which should hold the secret key, is not set"
    );
    // The variable that cargo sets for every test holds text, not a key.
    assert_eq!(
        check(&with("secret_key_env: CARGO_PKG_NAME")),
        "apps[0].secret_key_env: the key is not 64 hex digits as the console shows it; check that it was copied whole"
    );
    assert_eq!(
        check(&with("secret_key: '\n\n'")),
        "apps[0].secret_key: the secret key is empty"
    );
    assert_eq!(check(&with(&format!("secret_key: {MADE_UP_KEY}"))), "");
}

#[test]
fn other_files_are_looked_for_together_with_secrets() {
    let text = format!(
        "ca_file: ca.pem\nstate_file: gone/state.json\nweb: {{config_file: web.yml}}\n\
         apps: [{{sdk_app_id: 1, identifier: a, regions: [china], secret_key: {MADE_UP_KEY}}}]"
    );
    assert!(load(&text).is_ok());
    let written = write("timpush.yml", &text);
    let directory = written.path.parent().unwrap();
    let load = || Config::load(&written.path, &env(&[]), Secrets::Check);
    let shown = directory.display();
    let missing = "No such file or directory (os error 2)";
    assert_eq!(
        load().err().unwrap().bare(),
        format!(
            "ca_file: cannot read {shown}/ca.pem: {missing}\n\
             state_file: there is no directory {shown}/gone to keep it in\n\
             web.config_file: {shown}/web.yml: cannot be read: {missing}"
        )
    );
    fs::create_dir(directory.join("gone")).unwrap();
    fs::write(directory.join("web.yml"), "").unwrap();
    fs::write(directory.join("ca.pem"), "not PEM").unwrap();
    assert_eq!(
        load().err().unwrap().bare(),
        format!("ca_file: {shown}/ca.pem holds no certificates in PEM")
    );
    let made = rcgen::generate_simple_self_signed(["made-up.example".to_owned()]).unwrap();
    fs::write(directory.join("ca.pem"), made.cert.pem()).unwrap();
    let config = load().ok().unwrap();
    assert_eq!(config.global.ca_file, Some(directory.join("ca.pem")));
    assert_eq!(
        config.global.state_file,
        Some(directory.join("gone/state.json"))
    );
}

#[cfg(unix)]
#[test]
fn an_inline_key_wants_a_file_of_the_owner_alone() {
    let text = format!(
        "apps: [{{sdk_app_id: 1, identifier: a, regions: [china], secret_key: {MADE_UP_KEY}}}]"
    );
    for (mode, accepted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        let written = write("timpush.yml", &text);
        set_mode(&written.path, mode);
        for secrets in [Secrets::Check, Secrets::Skip] {
            let problems = Config::load(&written.path, &env(&[]), secrets).err();
            let expected = format!(
                "apps[0].secret_key: is in a file that not only its owner may use; run: chmod 600 {}",
                written.path.display()
            );
            assert_eq!(
                problems.map(|p| p.bare()),
                (!accepted).then_some(expected),
                "{mode:o}"
            );
        }
    }
}

#[test]
fn a_near_key_in_the_wrong_place_is_refused_and_never_repeated() {
    let broken = format!("\"{}\\n{}\"", &MADE_UP_KEY[..40], &MADE_UP_KEY[40..]);
    let keys = [
        MADE_UP_KEY,
        &MADE_UP_KEY[2..],
        &format!("{MADE_UP_KEY}00aa"),
        &broken,
    ];
    for key in keys {
        for text in [
            app(&format!("name: {key}")),
            app(&format!("identifier: {key}")),
            app(&format!("secret_key_env: {key}")),
            app(&format!("secret_key_file: {key}")),
            app(&format!("regions: [{key}]")),
            app(&format!(
                "regions: [{{name: {key}, url: 'https://a.example'}}]"
            )),
            app(&format!("regions: [{{name: a, url: {key}}}]")),
            app(&format!("secret: {key}")),
            app(&format!("{key}: 1")),
            app(&format!("sdk_app_id: {key}")),
            top(&format!("ca_file: {key}")),
            top(&format!("state_file: {key}")),
            top(&format!("listen: {key}")),
            top(&format!("day_offset: {key}")),
            top(&format!("web: {{config_file: {key}}}")),
            format!("apps: {key}"),
            key.to_owned(),
        ] {
            for secrets in [Secrets::Check, Secrets::Skip] {
                let said = match load_with(&text, &[], secrets) {
                    Ok(_) => panic!("accepted: {text}"),
                    Err(problems) => format!("{problems} {problems:?}"),
                };
                for part in MADE_UP_KEY.as_bytes().windows(8) {
                    let part = std::str::from_utf8(part).unwrap();
                    assert!(!said.contains(part), "{text}\n{said}");
                }
            }
        }
    }
}

#[test]
fn a_state_file_is_not_written_over_what_people_wrote() {
    let text = |state: &str| {
        format!(
            "state_file: {state}\napps: [{{sdk_app_id: 1, identifier: a, regions: [china], secret_key_file: shop.key}}]"
        )
    };
    let written = write("timpush.yml", text("other/../link.json"));
    let directory = written.path.parent().unwrap();
    let shown = directory.display();
    fs::create_dir(directory.join("other")).unwrap();
    fs::write(directory.join("shop.key"), MADE_UP_KEY).unwrap();
    set_mode(&directory.join("shop.key"), 0o600);
    std::os::unix::fs::symlink("shop.key", directory.join("link.json")).unwrap();
    let over = |name: &str| {
        format!(
            "state_file: would be written over {shown}/{name}, which the configuration reads; name a file of its own"
        )
    };
    for (state, problem) in [
        ("timpush.yml", over("timpush.yml")),
        ("./other/../timpush.yml", over("timpush.yml")),
        ("shop.key", over("shop.key")),
        ("link.json", over("shop.key")),
        (
            "state/",
            format!("state_file: {shown}/state/ is not the name of a file"),
        ),
        (
            "other/..",
            format!("state_file: {shown}/other/.. is not the name of a file"),
        ),
        ("state.json", String::new()),
    ] {
        fs::write(&written.path, text(state)).unwrap();
        let problems = Config::load(&written.path, &env(&[]), Secrets::Check).err();
        assert_eq!(problems.map_or(String::new(), |p| p.bare()), problem);
    }
}

#[test]
fn an_address_that_no_interface_has_is_refused_where_the_machine_is_looked_at() {
    // TEST-NET-1, which no host has.
    let text = format!(
        "listen: 192.0.2.1:10898\napps: [{{sdk_app_id: 1, identifier: a, regions: [china], secret_key: {MADE_UP_KEY}}}]"
    );
    assert_eq!(problems(&text), "");
    let refused = load_with(&text, &[], Secrets::Check).err().unwrap();
    assert_eq!(
        refused.bare(),
        "listen: this machine has no address 192.0.2.1; 0.0.0.0 stands for all that it has"
    );
    let text = text.replace("192.0.2.1", "127.0.0.1");
    assert!(load_with(&text, &[], Secrets::Check).is_ok());
}

#[test]
fn what_is_no_regular_file_is_refused_wherever_a_file_is_named() {
    let pipe = "it is a named pipe, not a regular file";
    let text = "ca_file: pipe\nstate_file: pipe\nweb: {config_file: pipe}\n\
         apps: [{sdk_app_id: 1, identifier: a, regions: [china], secret_key_file: pipe},\n\
         {sdk_app_id: 2, identifier: a, regions: [china], secret_key_file: /dev/zero}]";
    let written = write("timpush.yml", text);
    let directory = written.path.parent().unwrap();
    crate::files::tests::fifo(&directory.join("pipe"));
    let problems = Config::load(&written.path, &env(&[]), Secrets::Check);
    let shown = directory.display();
    assert_eq!(
        problems.err().unwrap().bare(),
        format!(
            "ca_file: cannot read {shown}/pipe: {pipe}\n\
             state_file: cannot be {shown}/pipe: {pipe}\n\
             web.config_file: {shown}/pipe: cannot be read: {pipe}\n\
             apps[0].secret_key_file: cannot read the secret key from {shown}/pipe: {pipe}\n\
             apps[1].secret_key_file: cannot read the secret key from /dev/zero: it is a device, not a regular file"
        )
    );
    let itself = directory.join("pipe.yml");
    crate::files::tests::fifo(&itself);
    let problems = Config::load(&itself, &env(&[]), Secrets::Skip);
    assert_eq!(
        problems.err().unwrap().to_string(),
        format!("{}: cannot be read: {pipe}", itself.display())
    );
}
