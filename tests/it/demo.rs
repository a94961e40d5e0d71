//! The demo: everything at once, without credentials.

use crate::lab::{Exporter, get, http};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_two_stages_and_three_platforms_of_two_apps() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    assert!(
        demo.output().contains(&format!("{}/metrics", demo.url)),
        "{}",
        demo.output()
    );
    let name = "timpush_window_platform_lost_pushes";
    for app in ["shop", "game"] {
        for stage in ["ready_to_send", "post_send_delivered"] {
            let labels = [format!(r#"app="{app}""#), format!(r#"stage="{stage}""#)];
            demo.until("losses", |metrics| {
                let platforms = ["apns", "huawei", "xiaomi", "fcm"]
                    .iter()
                    .filter(|platform| {
                        let platform = format!(r#"platform="{platform}""#);
                        metrics
                            .sum(name, &[&labels[0], &labels[1], &platform])
                            .is_some()
                    });
                platforms.count() >= 3
            })
            .await;
        }
    }
    let ready = get(&format!("{}/-/ready", demo.url)).await;
    let both = demo
        .until("both APIs", |metrics| {
            metrics.sum("timpush_target_up", &[]) == Some(6.0)
        })
        .await;
    assert!(
        both.sum("timpush_window_sent_pushes", &[])
            .is_some_and(|sent| sent > 0.0)
    );
    assert!([200, 503].contains(&ready.0));
    assert_eq!(get(&format!("{}/-/ready", demo.url)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_as_documented() {
    let mut demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let url = demo.url.clone();
    for (method, path, status) in [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/-/healthy", 200),
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/api/v1/targets", 200),
        ("POST", "/api/v1/targets", 405),
        ("GET", "/nothing", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
    ] {
        let method = method.parse().unwrap();
        let response = http()
            .request(method, format!("{url}{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let metrics = http().get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(
        metrics.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let page = http().get(format!("{url}/")).send().await.unwrap();
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = page.text().await.unwrap();
    for part in [
        "href=\"/metrics\"",
        "href=\"/-/healthy\"",
        "shop",
        "game",
        "normal_push_loss",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert_eq!(demo.stop("INT").await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_outcomes_only_ok_is_there_from_the_start() {
    let demo = Exporter::start(&["demo", "--listen", "127.0.0.1:0"]).await;
    let metrics = demo.metrics().await;
    for api in ["normal_push_loss", "normal_push_statistics"] {
        let labels = [r#"app="shop""#.to_owned(), format!(r#"api="{api}""#)];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let outcomes = metrics.series("timpush_api_requests_total", &labels);
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        assert!(outcomes[0].0.contains(r#"outcome="ok""#));
        assert_eq!(metrics.series("timpush_target_up", &labels).len(), 1);
        assert_eq!(
            metrics
                .series("timpush_target_last_success_timestamp_seconds", &labels)
                .len(),
            1
        );
    }
    for name in [
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "timpush_build_info",
        "timpush_clock_timestamp_seconds",
        "timpush_http_connections",
    ] {
        assert_eq!(metrics.series(name, &[]).len(), 1, "{name}");
    }
}
