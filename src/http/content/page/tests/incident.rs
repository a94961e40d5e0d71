//! The content of the page before, during and after an incident, and on other days. The tests in
//! tests/browser/incident use the same pages.

use super::*;

/// The text that people see, including the text that needs a click.
fn text(page: &str) -> String {
    let mut text = String::new();
    for (n, part) in page.split('<').enumerate() {
        text.push_str(if n == 0 {
            part
        } else {
            part.split_once('>').map_or("", |(_, text)| text)
        });
    }
    let text = text
        .replace("&#39;", "'")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One minute's losses on APNs: dead tokens always, and refused keys in an incident.
fn minute(incident: bool) -> Vec<(&'static str, u64)> {
    if incident {
        vec![("410", 20), ("403", 830)]
    } else {
        vec![("410", 20)]
    }
}

/// The named pages of two apps, one of which has an incident of 20 minutes: an hour before it,
/// three minutes and a quarter of an hour into it, ten minutes and more than an hour after it.
fn incident(language: Language) -> Vec<(&'static str, String)> {
    let mut world = World::new(&[target("shop", "singapore"), target("game", "frankfurt")]);
    let told = [
        (118, "before"),
        (122, "beginning"),
        (135, "during"),
        (150, "after"),
        (205, "hour-later"),
    ];
    let (mut shop, mut game) = (Vec::new(), Vec::new());
    let mut pages = Vec::new();
    for n in 0..=205 {
        shop.push(minute((120..140).contains(&n)));
        game.push(minute(false));
        if n >= 60 {
            world.minute(0, &shop);
            world.minute(1, &game);
        }
        if let Some((_, name)) = told.iter().find(|(at, _)| *at == n) {
            pages.push((*name, render_in(&world, 60 * (n + 1), "", language)));
        }
    }
    pages
}

/// Every target fails for one reason; one of sixty apps loses pushes and the others are calm.
fn other_days(language: Language) -> [(&'static str, String); 2] {
    let mut failing = World::new(&[target("shop", "singapore"), target("game", "frankfurt")]);
    let mut targets: Vec<Target> = Vec::new();
    for place in 0..2 {
        for at in [1000, 1060] {
            for api in [Api::NormalPushLoss, Api::NormalPushStatistics] {
                let error = FetchError::refused(70009, "UserSig check failed");
                failing.failure(place, at, api, error);
            }
        }
    }
    for n in 0..60 {
        targets.push(target(&format!("app-{n:02}"), "singapore"));
    }
    let mut sixty = World::new(&targets);
    for place in 0..60 {
        let count = if place == 31 { 340 } else { 3 };
        let rows = [
            (
                Stage::PostSendDelivered,
                None,
                "403",
                count,
                "BadCertificate",
            ),
            (
                Stage::PostSendDelivered,
                Some(1),
                "403",
                count,
                "BadCertificate",
            ),
            (Stage::PostSendDelivered, None, "410", 200, "Unregistered"),
        ];
        sixty.losses(place, 1000, &rows);
        sixty.sent(place, 1000, 10_000);
    }
    [
        ("failing", render_in(&failing, 1100, "", language)),
        ("sixty-apps", render_in(&sixty, 1000, "", language)),
    ]
}

#[test]
fn before_in_and_after_an_incident_the_page_says_what_is_so_then() {
    let losing = "Pushes of 1 of 2 apps are lost for a reason that you can repair: shop, APNs credential refused (403 InvalidProviderToken).";
    let advice = "What to do first shop/singapore: APNs credential refused (403 InvalidProviderToken) after sending: now";
    let calm = "All good All targets answer, nothing stands out.";
    let sentences: [&[&str]; 5] = [
        &[
            calm,
            "nothing stands out; 0 (0 %) lost before sending, 1,200 (2.0 %) after",
        ],
        &[
            losing,
            advice,
            "now 356 a minute, rising, 36 % of pushes sent on APNs; since 10:00 UTC (18:00 +08:00, 3 min ago), goes on",
            "2,490 lost in the window, 4.2 % of pushes sent on APNs",
        ],
        &[
            losing,
            advice,
            "now 830 a minute, 83 % of pushes sent on APNs; since 10:00 UTC (18:00 +08:00, 16 min ago), goes on",
            "13,280 lost in the window, 22 % of pushes sent on APNs",
        ],
        &[
            "Worth a look Pushes of 1 of 2 apps were lost, but no longer are: shop, APNs credential refused (403 InvalidProviderToken), over since 10:20 UTC (18:20 +08:00).",
            "over since 10:20 UTC (18:20 +08:00, 11 min ago), began 10:00 UTC (18:00 +08:00), leaves the window by 11:20 UTC (19:20 +08:00)",
            "Nothing now. If it comes back: ",
            "16,600 lost in the window, 28 % of pushes sent on APNs",
        ],
        &[
            calm,
            "nothing stands out; 0 (0 %) lost before sending, 1,200 (2.0 %) after",
        ],
    ];
    let pages = incident(Language::English);
    assert_eq!(pages.len(), sentences.len());
    for ((name, page), sentences) in pages.iter().zip(sentences) {
        leave(name, page);
        let text = text(page);
        for sentence in sentences {
            assert!(text.contains(sentence), "{name}: {sentence}\n{text}");
        }
        // One cause requires one action.
        let actions = page.matches("<li class=\"bad\">").count()
            + page.matches("<li class=\"warning\">").count();
        assert!(actions <= 1, "{name}: {text}");
        let is_incident = !matches!(*name, "before" | "hour-later");
        assert_eq!(text.contains("403"), is_incident, "{name}: {text}");
        assert_eq!(
            text.contains("goes on"),
            matches!(*name, "beginning" | "during")
        );
    }
}

#[test]
fn other_days_read_right() {
    let [(failing, failing_page), (sixty, sixty_page)] = &other_days(Language::English);
    for (name, page, sentence) in [
        (
            failing,
            failing_page,
            "None of the 2 targets can be asked (authentication failed, auth 70009): game/frankfurt and shop/singapore.",
        ),
        (
            sixty,
            sixty_page,
            "Pushes of 1 of 60 apps are lost for a reason that you can repair: app-31, APNs credential refused (403 BadCertificate).",
        ),
    ] {
        let text = text(page);
        assert!(text.contains(sentence), "{name}: {text}");
        leave(name, page);
    }
}

/// Text that is the same in every language, or intentionally in another one.
fn without_names(page: &str) -> String {
    let mut page = page.to_owned();
    for (start, end) in [
        ("<code>", "</code>"),
        ("<q>", "</q>"),
        ("hreflang=", "</a>"),
    ] {
        while let Some((before, rest)) = page.split_once(start) {
            let (_, after) = rest.split_once(end).unwrap();
            page = format!("{before}{after}");
        }
    }
    page
}

#[test]
fn the_chinese_page_has_no_english_sentence() {
    for (name, page) in incident(Language::Chinese)
        .into_iter()
        .chain(other_days(Language::Chinese))
    {
        leave(&format!("{name}-zh"), &page);
        assert!(page.contains("<html lang=\"zh-CN\">"), "{page}");
        let text = text(&without_names(&page)).replace("UserSig check failed", "");
        // Our names and those of vendors are words in English, too; a sentence has two in a row.
        let words: Vec<&str> = text
            .split([' ', '，', '。', '；', '：', '（', '）'])
            .collect();
        let names = ["shop", "game", "singapore", "frankfurt"];
        let is_word = |word: &str| {
            let is_lower = word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
            is_lower && !names.contains(&word)
        };
        let english = words
            .windows(2)
            .find(|pair| pair.iter().all(|word| is_word(word)));
        assert_eq!(english, None, "{name}: {text}");
    }
}

#[test]
fn before_in_and_after_an_incident_the_chinese_page_says_the_same() {
    let sentences = [
        "一切正常 所有目标都有应答，没有异常。",
        "2 个应用中有 1 个正在丢失推送，原因可以修复：shop，APNs 凭据被拒绝（403 InvalidProviderToken）。",
        "现在每分钟 830，占 APNs 已发送的推送的 83 %；从 10:00 UTC（18:00 +08:00，16 分钟前）开始，仍在继续",
        "10:20 UTC（18:20 +08:00，11 分钟前）结束，10:00 UTC（18:00 +08:00）开始，最晚 11:20 UTC（19:20 +08:00）移出窗口",
        "没有异常；发送前丢失 0（0 %），发送后丢失 1,200（2.0 %）",
    ];
    for ((name, page), sentence) in incident(Language::Chinese).iter().zip(sentences) {
        let text = text(page);
        assert!(text.contains(sentence), "{name}: {sentence}\n{text}");
    }
}

#[tokio::test]
async fn the_address_then_the_browser_then_the_configuration_choose_the_language() {
    use axum::http::header::ACCEPT_LANGUAGE;
    use tower::ServiceExt;

    use crate::config::Web;
    use crate::http::content::{Lifecycle, router};
    use crate::self_metrics::SelfMetrics;
    use crate::target::snapshot::Snapshot;

    let targets = [target("shop", "singapore")];
    for (address, accepted, configured, spoken) in [
        ("/", None, Language::English, "en"),
        ("/", None, Language::Chinese, "zh-CN"),
        (
            "/",
            Some("zh-CN,zh;q=0.9,en;q=0.8"),
            Language::English,
            "zh-CN",
        ),
        ("/", Some("en-US"), Language::Chinese, "en"),
        ("/", Some("fr"), Language::Chinese, "zh-CN"),
        ("/?lang=en", Some("zh-CN"), Language::Chinese, "en"),
        ("/?lang=klingon", Some("zh-CN"), Language::English, "zh-CN"),
    ] {
        let served = Content::new(
            Arc::new(Snapshot::new(&targets)),
            Arc::new(SelfMetrics::new(&targets).unwrap()),
            &Web::BUILT_IN,
            Arc::new(Lifecycle::new(None, false)),
        );
        let router = router(Arc::new(served.speaking(configured)));
        let mut request = axum::http::Request::get(address);
        if let Some(accepted) = accepted {
            request = request.header(ACCEPT_LANGUAGE, accepted);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_LANGUAGE], spoken, "{address}");
        assert_eq!(response.headers()[VARY], "Accept-Language");
    }
}

/// If `PAGES` names a folder, saves a page there for tests/browser/page: the hours that it covers
/// are too long for a real clock.
fn leave(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("PAGES") {
        let path = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(path, page).unwrap();
    }
}
