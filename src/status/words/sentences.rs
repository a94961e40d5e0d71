//! The meaning of codes and failures and the advice for them, in Chinese: tables beside the
//! catalogue, keyed by the English sentence, since many codes share one. Failures are keyed by the
//! words around names, numbers and addresses, which keep their order.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::sentence;

/// English and Chinese, the longest English first: one sentence may be the end of another.
static SENTENCES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut sentences = table(include_str!("zh_sentences.json"));
    sentences.extend(table(include_str!("zh_failures.json")));
    sentences.sort_by_key(|(english, _)| std::cmp::Reverse(english.len()));
    sentences
});

/// Complete texts, including those that [`sentence`] creates from them.
static BY_ENGLISH: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let whole = SENTENCES.iter().cloned();
    let sentences = whole
        .clone()
        .filter(|(english, _)| !english.ends_with(['.', ' ']))
        .map(|(english, chinese)| (sentence(&english), format!("{chinese}。")));
    sentences.chain(whole).collect()
});

#[expect(
    clippy::expect_used,
    reason = "the embedded files are parsed by a test"
)]
fn table(text: &str) -> Vec<(String, String)> {
    serde_json::from_str(text).expect("embedded data")
}

/// Before the service's own words, which are not translated.
const THE_SERVICE_SAYS: &str = "(the service says: ";

/// The maximum length of a text that is searched for sentences, in bytes: the catalogue's text for
/// a code with many reasons is shorter.
const LONGEST: usize = 8192;

/// A text of the catalogue or of a failure in Chinese. A text of several sentences is translated
/// sentence by sentence; anything that is not in the tables stays as it is.
pub(super) fn chinese(text: &str) -> String {
    if let Some(chinese) = BY_ENGLISH.get(text) {
        return chinese.clone();
    }
    if let Some((ours, theirs)) = text.split_once(THE_SERVICE_SAYS) {
        return format!("{}(服务端说明：{theirs}", chinese(ours));
    }
    let mut text = text.to_owned();
    if text.len() > LONGEST {
        return text;
    }
    for (english, chinese) in SENTENCES.iter() {
        if text.contains(english.as_str()) {
            text = text.replace(english.as_str(), chinese);
        }
    }
    text.replace("： ", "：")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::of;
    use super::*;
    use crate::model::catalogue::{loss_code, rest_codes};
    use crate::model::language::Language;
    use crate::model::outcome::{FetchError, Outcome};
    use crate::model::reading::{ErrCode, Platform, Stage};

    /// The untranslated English, if any: two consecutive words of it.
    fn english(text: &str) -> Option<String> {
        let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '\'');
        let words: Vec<&str> = text.split_whitespace().collect();
        let pair = words.windows(2).find(|pair| pair.iter().all(is_word));
        pair.map(|pair| pair.join(" "))
    }

    #[test]
    fn every_sentence_of_the_catalogue_has_its_chinese() {
        let rows: Vec<Value> =
            serde_json::from_str(include_str!("../../model/catalogue/vendor_codes.json")).unwrap();
        let of_codes = rows
            .iter()
            .flat_map(|row| [&row["meaning"], &row["advice"]]);
        let of_codes = of_codes.map(|text| text.as_str().unwrap().to_owned());
        let of_refusals = rest_codes()
            .iter()
            .flat_map(|code| [code.meaning.clone(), code.advice.clone()]);
        let of_outcomes =
            Outcome::ALL.map(|outcome| sentence(&FetchError::new(outcome, "").advice));
        for text in of_codes.chain(of_refusals).chain(of_outcomes) {
            assert!(
                BY_ENGLISH.contains_key(text.as_str()),
                "not in zh_sentences.json: {text}"
            );
        }
    }

    #[test]
    fn a_code_with_several_reasons_is_put_together_from_its_sentences() {
        for (platform, code) in [
            (Some(1), "403"),
            (Some(1), "400"),
            (None, "403"),
            (Some(3), "1"),
        ] {
            let platform = platform.map(Platform);
            let meaning = loss_code(Stage::PostSendDelivered, platform, &ErrCode::new(code), "");
            for text in [&meaning.meaning, &meaning.advice] {
                assert_eq!(english(&chinese(text)), None, "{}", chinese(text));
            }
        }
        let error = FetchError::refused(70009, "UserSig check failed");
        assert_eq!(
            chinese(&error.message),
            "签名与应用不符：由另一密钥生成。 (服务端说明：UserSig check failed)"
        );
    }

    #[test]
    fn a_meaning_that_is_inferred_says_so_in_chinese() {
        for (text, expected) in [
            (
                "Probably a receipt: the app is not installed.",
                "可能是回执：应用未安装。",
            ),
            (
                "Probably: The token is malformed.",
                "可能：token 格式错误。",
            ),
        ] {
            assert_eq!(chinese(text), expected);
        }
    }

    /// The sources of the texts of failures that the page and `query` show.
    const FAILURES: [&str; 17] = [
        include_str!("../../commands/moment.rs"),
        include_str!("../../commands/query.rs"),
        include_str!("../../files.rs"),
        include_str!("../../model/outcome.rs"),
        include_str!("../../push_api/client.rs"),
        include_str!("../../push_api/client/body.rs"),
        include_str!("../../push_api/client/line.rs"),
        include_str!("../../push_api/local.rs"),
        include_str!("../../push_api/lost.rs"),
        include_str!("../../push_api/names/error.rs"),
        include_str!("../../push_api/names/servers.rs"),
        include_str!("../../push_api/names/system.rs"),
        include_str!("../../push_api/tls/words.rs"),
        include_str!("../../push_api/wire.rs"),
        include_str!("../../push_api/wire/envelope.rs"),
        include_str!("../../push_api/wire/json.rs"),
        include_str!("../../push_api/wire/rows.rs"),
    ];

    /// The string literals of a file, without its tests, comments and lint reasons.
    fn literals(source: &str) -> impl Iterator<Item = &str> {
        let code = source.split("mod tests {").next().unwrap();
        let lines = code.lines().map(str::trim);
        lines
            .filter(|line| !line.starts_with("//") && !line.contains("reason = "))
            .flat_map(|line| line.split('"').skip(1).step_by(2))
    }

    #[test]
    fn every_failure_has_its_chinese() {
        let texts = FAILURES.into_iter().flat_map(literals);
        let texts: Vec<&str> = texts.filter(|text| english(text).is_some()).collect();
        let missing: Vec<&&str> = texts
            .iter()
            .filter(|text| english(&chinese(text)).is_some())
            .collect();
        assert!(missing.is_empty(), "not in zh_failures.json: {missing:#?}");
        assert!(texts.len() > 100, "{}", texts.len());
    }

    #[test]
    fn the_names_in_a_failure_and_the_services_own_words_stay() {
        for (text, expected) in [
            (
                "cannot connect to a.example:9 through the proxy http://p:1 (proxy_url): Connection refused (os error 111)",
                "无法连接 a.example:9 经由代理 http://p:1 (proxy_url): 连接被拒绝 (os error 111)",
            ),
            (
                "cannot resolve a.example: the name server 192.0.2.1 refused the query (REFUSED), 192.0.2.2 did not respond; check /etc/resolv.conf and the firewall",
                "无法解析 a.example: 域名服务器 192.0.2.1 拒绝了查询（REFUSED）, 192.0.2.2 没有响应；请检查 /etc/resolv.conf 和防火墙",
            ),
            (
                "a code that is not in the catalogue (the service says: the handshake failed)",
                "目录中没有的错误码 (服务端说明：the handshake failed)",
            ),
            (
                "Check the mount that the key's file is on.",
                "请检查密钥文件所在的挂载点。",
            ),
        ] {
            assert_eq!(chinese(text), expected);
        }
        let refused = FetchError::refused(70009, "UserSig check failed");
        assert_eq!(
            of(Language::Chinese).failure(&refused),
            "鉴权失败（auth 70009）：签名与应用不符：由另一密钥生成。 (服务端说明：UserSig check failed)；请从控制台重新复制该 SDKAppID 的密钥；使用其他应用的密钥或已停用的密钥会造成此错误。"
        );
    }

    #[test]
    fn every_sentence_is_once_in_the_tables_and_chinese() {
        let all: BTreeSet<&str> = SENTENCES
            .iter()
            .map(|(english, _)| english.as_str())
            .collect();
        assert_eq!(all.len(), SENTENCES.len());
        for (english, chinese) in SENTENCES.iter() {
            let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
            assert!(chinese.contains(is_chinese), "{english}");
            let end = english.ends_with('.');
            assert_eq!(chinese.ends_with('。'), end, "{english}");
        }
    }
}
