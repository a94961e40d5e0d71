//! The text below each command's options: examples to copy, and formats. No line has 100 columns,
//! since longer lines would be wrapped.

pub(super) const PROGRAM: &str = "\
Examples:
  timpush-exporter demo
  timpush-exporter run --config timpush.yml

Without a command, `run` is meant.";

pub(super) const RUN: &str = "\
Examples:
  timpush-exporter run --config /etc/timpush-exporter/timpush.yml
  timpush-exporter run --config timpush.yml --listen :9999 --log-format json";

pub(super) const DEMO: &str = "\
Example:
  timpush-exporter demo --listen 127.0.0.1:10898";

pub(super) const SIMULATE: &str = "\
Examples:
  timpush-exporter simulate --listen 127.0.0.1:9000
  timpush-exporter simulate --listen 127.0.0.1:9000 --config timpush.yml --scenario drill.yml

A scenario is YAML, TOML or JSON, such as this drill.yml:

  # Losses beside the usual ones: APNs refuses most pushes for half an hour.
  incidents:
    - {platform: apns, code: \"403\", info: BadCertificate, for: 1800}
  # Calls that fail; the first rule that fits decides. Times are in seconds from the start.
  rules:
    - {match: {sdkappid: 1400000001}, fault: {error: {code: 60009, info: null}}, times: 3}
    - {match: {api: normal_push_loss}, from: 60, for: 120, fault: {latency: {seconds: 5}}}
    - {from: 300, for: 30, fault: hang}

Other faults: truncated, empty, disconnect, reset, wrong_shape, {http_status: {status: 502,
body: null}}, {body: text}, {huge: {bytes: 9000000}}, {drip: {seconds: 1}}, {date_skew: {seconds:
600}}, {redirect: {location: /}}, {bad_row: {count: -1}}. `calm: true` leaves the usual losses out.

Traces are of made-up pushes, whose id may say what became of them: opened-1, delivered-1,
silent-1, refused-1, no-token-1, no-certificate-1, unknown-1.

While it runs, from this machine:

  curl http://127.0.0.1:9000/_control/scenario                 # in effect
  curl -X PUT http://127.0.0.1:9000/_control/scenario \\
      -d '{\"incidents\": [{\"platform\": \"apns\", \"code\": \"403\"}]}'
  curl -X DELETE http://127.0.0.1:9000/_control/scenario       # over
  curl http://127.0.0.1:9000/_control/calls                    # what was asked
  curl 'http://127.0.0.1:9000/_control/truth?sdkappid=1400000001&start=1764000000&end=1764003600'
                                                               # what happened in a range";

pub(super) const CHECK_CONFIG: &str = "\
Examples:
  timpush-exporter check-config
  timpush-exporter check-config timpush.yml --without-secrets

Each problem is a line with its place and path, such as

  timpush.yml:12: apps[1] (game).regions[0]: is not a known region; did you mean singapore?";

pub(super) const QUERY: &str = "\
Examples:
  timpush-exporter query --config timpush.yml --app shop
  timpush-exporter query --config timpush.yml --app shop --since 1d --all
  timpush-exporter query --config timpush.yml --app shop --from -2d --to -1d12h --output json";

pub(super) const TRACE: &str = "\
Examples:
  timpush-exporter trace --app shop --push-id 144115233775727695_1_2
  timpush-exporter trace --app shop --task-id batch_667015d4_537529d8 --user-id user1
  timpush-exporter trace --app shop --push-id 144115233775727695_1_2 --output json

The service keeps traces for 7 days, of pushes on the offline channel, and of the device that
logged in last. Times are the service's; it does not say in which time zone.";

pub(super) const PROBE: &str = "\
Example:
  timpush-exporter probe --config timpush.yml --app shop

Takes one to three minutes, and up to half an hour more without --quick. Asks 40 to 80
questions within what the daemon leaves of the app's call limit, and up to four times two at
once. Another program that calls for the same SDKAppID meanwhile, such as the daemon, disturbs
the measurement of that limit. It may in turn see a call refused (rate_limited), and repeats it.";

pub(super) const BACKFILL: &str = "\
Examples:
  timpush-exporter backfill --config timpush.yml --from -3d --to -10m --step 5m \\
      --label job=timpush-exporter --label instance=127.0.0.1:10898 --output timpush.om
  promtool tsdb create-blocks-from openmetrics timpush.om /var/lib/prometheus/data

  timpush-exporter backfill --demo --step 5m --label job=timpush-exporter \\
      --label instance=127.0.0.1:10898 --output demo.om

Calls count against the app's limit, of which the daemon is left what it needs. While both call,
the service may refuse one of the two (rate_limited); each repeats it.

Where the step passes over what counters show after midnight (the closed day's last value, then
0), these are sampled too, so that increase() is right. A series that appears is 0 at its first
step.";

pub(super) const HEALTHCHECK: &str = "\
Examples:
  timpush-exporter healthcheck
  timpush-exporter healthcheck --config timpush.yml
  timpush-exporter healthcheck --url http://127.0.0.1:10898/-/ready";

pub(super) const USERSIG: &str = "\
Example, in which the signature is no argument that other users could read:
  usersig=$(timpush-exporter usersig --config timpush.yml --app shop | head -1)
  url='https://console.tim.qq.com/v4/timpush/normal_push_loss?contenttype=json&random=1'
  url=\"$url&sdkappid=1400000001&identifier=administrator&usersig=$usersig\"
  echo \"url = \\\"$url\\\"\" | curl --config - \\
      --json \"{\\\"StartTime\\\": $(($(date +%s) - 7200)), \\\"EndTime\\\": $(($(date +%s) - 3600))}\"

The host is that of the app's region; console.tim.qq.com is china's. The others:

  singapore       adminapisgp.im.qcloud.com
  seoul           adminapikr.im.qcloud.com
  tokyo           adminapijpn.im.qcloud.com
  frankfurt       adminapiger.im.qcloud.com
  silicon_valley  adminapiusa.im.qcloud.com
  jakarta         adminapiidn.im.qcloud.com
  mumbai          adminapiind.im.qcloud.com
  riyadh          adminapiksa.im.qcloud.com";
