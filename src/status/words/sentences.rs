//! What codes mean and what to do about them, in Chinese: a table beside the catalogue, by
//! the English sentence, since many codes share one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// English and Chinese, the longest English first: one sentence may end another.
static SENTENCES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut sentences = table();
    sentences.sort_by_key(|(english, _)| std::cmp::Reverse(english.len()));
    sentences
});

static BY_ENGLISH: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let pairs = SENTENCES.iter();
    pairs
        .map(|(english, chinese)| (english.as_str(), chinese.as_str()))
        .collect()
});

#[expect(clippy::expect_used, reason = "the embedded file is parsed by a test")]
fn table() -> Vec<(String, String)> {
    serde_json::from_str(include_str!("zh_sentences.json")).expect("embedded data")
}

/// The longest text that is searched for sentences, in bytes: what the catalogue makes of a
/// code with many reasons is shorter.
const LONGEST: usize = 8192;

/// A text of the catalogue in Chinese. One of several sentences is put together from them;
/// what is not in the table stays as it is.
pub(super) fn chinese(text: &str) -> String {
    if let Some(chinese) = BY_ENGLISH.get(text) {
        return (*chinese).to_owned();
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
        .replace("(the service says: ", "(服务端说明：")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::catalogue::{loss_code, rest_codes};
    use crate::model::outcome::{FetchError, Outcome};
    use crate::model::reading::{ErrCode, Platform, Stage};
    use crate::status::words::sentence;

    /// Whether somebody who reads no English misses something: two words of it in a row.
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

    #[test]
    fn every_sentence_is_once_in_the_table_and_chinese() {
        assert_eq!(BY_ENGLISH.len(), SENTENCES.len());
        for (english, chinese) in SENTENCES.iter() {
            let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
            assert!(chinese.contains(is_chinese), "{english}");
            let end = english.ends_with('.');
            assert_eq!(chinese.ends_with('。'), end, "{english}");
        }
    }
}
