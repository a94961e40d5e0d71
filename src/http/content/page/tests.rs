mod incident;

use super::*;
use crate::config::target::Target;
use crate::config::target::tests::target;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Stage};
use crate::status::tests::World;

const SCRIPT: &str = "<script>alert(1)</script>";

fn wish(app: &str, refresh: &str) -> Wish {
    Wish {
        app: app.to_owned(),
        refresh: refresh.to_owned(),
        lang: String::new(),
    }
}

fn render(world: &World, at: u64, app: &str) -> String {
    render_in(world, at, app, Language::English)
}

fn render_in(world: &World, at: u64, app: &str, language: Language) -> String {
    let wish = wish(app, "");
    let status = world.status_in(at, wish.app(), language);
    Page::new(&status, &wish, None).render().unwrap()
}

/// A busy target: every platform, many codes, a history.
fn fill(world: &mut World, place: usize) {
    let codes: Vec<String> = (0..40).map(|n| format!("80{n}")).collect();
    for at in 0..70 {
        let mut rows = Vec::new();
        for (n, code) in (0_i64..).zip(&codes) {
            for platform in [None, Some(1), Some(2 + n % 7)] {
                let count = 100 + 13 * at % (17 + n.unsigned_abs());
                let description = "a description as long as the service's are, and some more";
                rows.push((
                    Stage::PostSendDelivered,
                    platform,
                    code.as_str(),
                    count,
                    description,
                ));
            }
        }
        world.losses(place, 1000 + 360 * at, &rows);
        world.sent(place, 1000 + 360 * at, 100_000);
    }
}

#[test]
fn text_of_the_service_is_never_markup() {
    let mut world = World::new(&[target("shop", "singapore")]);
    let rows = [
        (Stage::PostSendDelivered, None, "403", 340, SCRIPT),
        (Stage::PostSendDelivered, Some(1), "403", 340, SCRIPT),
        (
            Stage::PostSendDelivered,
            Some(1),
            SCRIPT,
            5000,
            "\" onload='x'",
        ),
    ];
    world.losses(0, 1000, &rows);
    let error = FetchError::refused(91000, SCRIPT);
    world.failure(0, 1010, Api::NormalPushStatistics, error);
    let page = render(&world, 1010, "");
    assert!(
        !page.contains("<script") && !page.contains("onload='"),
        "{page}"
    );
    let escaped = page
        .matches("&#60;script&#62;alert(1)&#60;/script&#62;")
        .count()
        + page
            .matches("&lt;script&gt;alert(1)&lt;/script&gt;")
            .count();
    assert!(escaped >= 6, "{escaped}\n{page}");
}

#[test]
fn names_of_apps_are_never_markup_and_links_to_them_work() {
    let name = "\"a' & <b>?x=1#y";
    let world = World::new(&[target(name, "singapore"), target("other", "china")]);
    for app in ["", name, "\"><img src=x>"] {
        let page = render(&world, 0, app);
        assert!(!page.contains("<b>?") && !page.contains("<img"), "{page}");
        assert!(!page.contains("=\"\"a"), "{page}");
    }
    let chosen = render(&world, 0, name);
    assert!(
        chosen.contains("/api/v1/targets?app=%22a%27%20%26%20%3Cb%3E%3Fx%3D1%23y\""),
        "{chosen}"
    );
    assert_eq!(chosen.matches(" selected>").count(), 1);
}

#[test]
fn an_unknown_app_is_said_to_be_unknown_with_a_way_back() {
    let world = World::new(&[target("shop", "singapore")]);
    let wish = wish("nope", "");
    let status = world.status(0, wish.app());
    let response = respond(&status, &wish, None);
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let page = render(&world, 0, "nope");
    assert!(page.contains("There is no app “nope” here."), "{page}");
    assert!(page.contains("<a href=\"/\">Show all apps</a>"), "{page}");
    assert!(!page.contains("stands out"), "{page}");
    assert!(
        page.contains("<title>No such app (nope)") && !page.contains("All good"),
        "{page}"
    );
}

#[test]
fn the_page_asks_again_by_itself_unless_told_not_to() {
    let world = World::new(&[target("shop", "singapore")]);
    for (refresh, header, link) in [
        ("", Some("30"), "/?app=shop&#38;refresh=off"),
        ("off", None, "/?app=shop"),
    ] {
        let wish = wish("shop", refresh);
        let status = world.status(0, wish.app());
        let response = respond(&status, &wish, None);
        let got = response.headers().get(REFRESH);
        assert_eq!(got.map(|value| value.to_str().unwrap()), header);
        let page = Page::new(&status, &wish, None).render().unwrap();
        assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    }
}

#[test]
fn charts_say_in_words_what_they_show() {
    let mut world = World::new(&[target("shop", "singapore")]);
    for (at, count) in [(1000, 12), (2000, 90), (11_800, 340)] {
        world.losses(
            0,
            at,
            &[(Stage::PostSendDelivered, Some(1), "403", count, "")],
        );
    }
    let page = render(&world, 11_800, "");
    assert!(
        page.contains("role=\"img\"><title>Chart: rose from 12 to 340 in 3 h</title>"),
        "{page}"
    );
}

#[test]
fn of_many_targets_those_that_need_somebody_are_unfolded_and_the_others_folded() {
    let targets: Vec<Target> = (0..40)
        .map(|n| target(&format!("app{n:02}"), "singapore"))
        .collect();
    let mut world = World::new(&targets);
    for place in 20..40 {
        let error = FetchError::refused(70009, "no");
        world.failure(place, 1000, Api::NormalPushLoss, error);
    }
    let page = render(&world, 1000, "");
    assert_eq!(
        page.matches("<details class=\"target bad\" open>").count(),
        4
    );
    assert_eq!(page.matches("<details class=\"target bad\">").count(), 8);
    let urgent = "<details class=\"lines\" open>\n<summary>8 more targets that need somebody";
    assert!(page.contains(urgent), "{page}");
    let calm = "<details class=\"lines\">\n<summary>20 more targets that need nobody now";
    assert!(page.contains(calm), "{page}");
}

#[test]
fn hundreds_of_targets_make_a_page_of_bounded_size_that_says_what_it_leaves_out() {
    let targets: Vec<Target> = (0..600)
        .map(|n| target(&format!("app{n:03}"), "singapore"))
        .collect();
    let mut world = World::new(&targets);
    for place in 0..20 {
        fill(&mut world, place);
    }
    let at = 1000 + 360 * 69;
    let error = FetchError::refused(70009, "no");
    world.failure(599, at, Api::NormalPushLoss, error);
    let page = render(&world, at, "");
    assert!(page.len() < 600_000, "{}", page.len());
    let failing = page.find("<h3>app599").unwrap();
    assert!(
        page.find("<h3>").unwrap() + 4 > failing,
        "the failing one is not first"
    );
    assert_eq!(page.matches("<h3>").count(), MAX_CARDS);
    assert!(page.contains("placeholder=\"all 600 apps\"") && !page.contains("<option"));
    assert!(
        page.contains("500 more targets that need nobody now"),
        "{page}"
    );
    assert!(
        page.contains("88 more targets that need less attention are not on this page."),
        "{page}"
    );
    assert!(render(&world, at, "app300").contains("<h3>app300"));
}

#[test]
fn where_there_is_one_app_there_is_nothing_to_choose() {
    let one = World::new(&[target("shop", "singapore"), target("shop", "china")]);
    let two = World::new(&[target("shop", "singapore"), target("game", "china")]);
    assert!(!render(&one, 0, "").contains("<button"));
    assert!(render(&two, 0, "").contains("<button"));
}

#[test]
fn one_cause_of_both_apis_is_one_box_with_its_beginning_and_tries() {
    let mut world = World::new(&[target("shop", "singapore")]);
    for at in [1000, 1060, 1120] {
        for api in [Api::NormalPushLoss, Api::NormalPushStatistics] {
            world.failure(0, at, api, FetchError::refused(70009, "no"));
        }
    }
    let page = render(&world, 1180, "");
    assert_eq!(page.matches("<div class=\"error bad\">").count(), 1);
    assert!(
        page.contains("<b>Losses and Statistics: authentication failed (auth 70009)</b>"),
        "{page}"
    );
    let since = "Failing since <time datetime=\"2027-01-15T08:16:40Z\" title=\"2027-01-15 08:16:40 UTC, 2027-01-15 16:16:40 +08:00\">08:16 UTC (16:16 +08:00, 3 min ago)</time>, failed 3 times in a row; no answer since the exporter started.";
    assert!(page.contains(since), "{page}");
    world.failure(
        0,
        1180,
        Api::NormalPushStatistics,
        FetchError::refused(60007, "slow"),
    );
    let page = render(&world, 1180, "");
    assert_eq!(page.matches("<div class=\"error bad\">").count(), 2);
}

#[test]
fn what_needs_somebody_has_a_link_to_its_runbook_and_its_dashboard() {
    let mut world = World::new(&[target("a&b", "singapore")]);
    let row = |platform| (Stage::PostSendDelivered, platform, "403", 340, "");
    world.losses(0, 1000, &[row(None), row(Some(1))]);
    let error = FetchError::refused(70009, "no");
    world.failure(0, 1010, Api::NormalPushStatistics, error);
    let page = render(&world, 1010, "");
    for runbook in ["TimpushConfigurationLoss", "TimpushAuthFailing"] {
        let link = format!("/blob/main/deploy/runbooks/{runbook}.md\">Runbook {runbook}</a>");
        assert_eq!(page.matches(&link).count(), 2, "{page}");
    }
    assert!(!page.contains("var-app="), "{page}");
    let status = world.status(1010, None);
    let base = Some("https://grafana.example.com/base/");
    let page = Page::new(&status, &Wish::default(), base).render().unwrap();
    let link = "href=\"https://grafana.example.com/base/d/timpush-app?var-app=a%26b&#38;var-region=singapore&#38;var-push=normal\"";
    assert!(page.contains(link), "{page}");
}

#[test]
fn a_headline_keeps_each_name_in_one_piece_and_each_count_has_its_share() {
    let mut world = World::new(&[target("my-shop", "singapore")]);
    let row = |platform| (Stage::PostSendDelivered, platform, "403", 340, "");
    world.losses(0, 1000, &[row(None), row(Some(1))]);
    world.sent(0, 1000, 10_000);
    let page = render(&world, 1000, "");
    assert!(
        page.contains("repair: <span class=\"whole\">my-shop,</span> APNs credential"),
        "{page}"
    );
    assert!(
        page.contains("<b>340</b> <span>3.4 % of all pushes sent</span>"),
        "{page}"
    );
}
