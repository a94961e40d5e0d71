//! The messages of `io.prometheus.client`, written field by field: the required part of the
//! wire format is smaller than a generator's output.

use super::{Family, Kind, Labels};
use crate::model::window::UnixSeconds;

/// Field numbers of the messages.
mod field {
    /// `MetricFamily`.
    pub(super) const NAME: u32 = 1;
    pub(super) const HELP: u32 = 2;
    pub(super) const TYPE: u32 = 3;
    pub(super) const METRIC: u32 = 4;
    /// `Metric`.
    pub(super) const LABEL: u32 = 1;
    pub(super) const GAUGE: u32 = 2;
    pub(super) const COUNTER: u32 = 3;
    pub(super) const HISTOGRAM: u32 = 7;
    /// `LabelPair`.
    pub(super) const LABEL_NAME: u32 = 1;
    pub(super) const LABEL_VALUE: u32 = 2;
    /// `Gauge` and `Counter`.
    pub(super) const VALUE: u32 = 1;
    /// `Counter`.
    pub(super) const CREATED: u32 = 3;
    /// `Timestamp`.
    pub(super) const SECONDS: u32 = 1;
    /// `Histogram`.
    pub(super) const SAMPLE_COUNT: u32 = 1;
    pub(super) const SAMPLE_SUM: u32 = 2;
    pub(super) const BUCKET: u32 = 3;
    /// `Bucket`.
    pub(super) const CUMULATIVE_COUNT: u32 = 1;
    pub(super) const UPPER_BOUND: u32 = 2;
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;

/// The fields of a family, without its metrics.
pub(super) fn head(family: &Family<'_>, out: &mut Vec<u8>) {
    bytes(field::NAME, family.name.as_bytes(), out);
    bytes(field::HELP, family.help.as_bytes(), out);
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 4,
    };
    uint(field::TYPE, kind, out);
}

pub(super) fn gauge(labels: &Labels<'_>, value: f64, out: &mut Vec<u8>) {
    metric(labels, field::GAUGE, out, |out| {
        double(field::VALUE, value, out);
    });
}

pub(super) fn counter(
    labels: &Labels<'_>,
    value: f64,
    since: Option<UnixSeconds>,
    out: &mut Vec<u8>,
) {
    metric(labels, field::COUNTER, out, |out| {
        double(field::VALUE, value, out);
        if let Some(since) = since {
            message(field::CREATED, out, |out| {
                uint(field::SECONDS, since.0, out);
            });
        }
    });
}

/// The infinite bucket is implied.
pub(super) fn histogram(
    labels: &Labels<'_>,
    buckets: &[(f64, u64)],
    count: u64,
    sum: f64,
    out: &mut Vec<u8>,
) {
    metric(labels, field::HISTOGRAM, out, |out| {
        uint(field::SAMPLE_COUNT, count, out);
        double(field::SAMPLE_SUM, sum, out);
        for (bound, cumulative) in buckets {
            message(field::BUCKET, out, |out| {
                uint(field::CUMULATIVE_COUNT, *cumulative, out);
                double(field::UPPER_BOUND, *bound, out);
            });
        }
    });
}

fn metric(labels: &Labels<'_>, kind: u32, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    message(field::METRIC, out, |out| {
        for (name, text) in labels {
            message(field::LABEL, out, |out| {
                bytes(field::LABEL_NAME, name.as_bytes(), out);
                bytes(field::LABEL_VALUE, text.as_bytes(), out);
            });
        }
        message(kind, out, value);
    });
}

/// The length in front of a delimited message.
pub(super) fn length(length: usize, out: &mut Vec<u8>) {
    varint(length as u64, out);
}

/// A message within a message. Its length precedes it but is known only afterwards; nearly
/// always it fits into the one byte reserved for it.
fn message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    tag(field, LENGTH_DELIMITED, out);
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out[at] = short,
        _ => {
            let mut long = Vec::with_capacity(10);
            varint(length as u64, &mut long);
            out.splice(at..=at, long);
        }
    }
}

fn bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    tag(field, LENGTH_DELIMITED, out);
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn uint(field: u32, value: u64, out: &mut Vec<u8>) {
    tag(field, VARINT, out);
    varint(value, out);
}

fn double(field: u32, value: f64, out: &mut Vec<u8>) {
    tag(field, FIXED64, out);
    out.extend_from_slice(&value.to_le_bytes());
}

fn tag(field: u32, wire_type: u32, out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | wire_type), out);
}

/// Seven bits per byte, the lowest first; the highest bit marks that more bytes follow.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::super::{Encoder, Format};
    use super::*;

    fn body(kind: Kind, write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
        let mut encoder = Encoder::new(Format::Protobuf);
        encoder.family(Family {
            name: "x_total",
            kind,
            help: "h",
        });
        write(&mut encoder);
        encoder.into_body()
    }

    #[test]
    fn a_counter_is_encoded_as_the_wire_format_says() {
        let body = body(Kind::Counter, |encoder| {
            encoder.counted(&[("a", "b")], 1.0, Some(UnixSeconds(300)));
        });
        let expected = [
            &b"\x28\x0a\x07x_total\x12\x01h\x18\x00"[..],
            b"\x22\x18\x0a\x06\x0a\x01a\x12\x01b",
            b"\x1a\x0e\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x1a\x03\x08\xac\x02",
        ]
        .concat();
        assert_eq!(body, expected);
    }

    #[test]
    fn a_long_message_gets_a_long_length() {
        let long = "v".repeat(300);
        let body = body(Kind::Gauge, |encoder| encoder.sample(&[("a", &long)], 1.0));
        // Label pair: name 3, value 1 + 2 + 300. Metric: 1 + 2 + 306 and the gauge's 11.
        let pair = [0x0a, 0xb2, 0x02, 0x0a, 0x01, b'a', 0x12, 0xac, 0x02];
        let at = body
            .windows(pair.len())
            .position(|window| window == pair)
            .unwrap();
        assert_eq!(body[at - 3..at], [0x22, 0xc0, 0x02]);
        assert_eq!(body.len() - at, 320);
    }

    #[test]
    fn varints_are_seven_bits_a_byte() {
        for (value, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        ] {
            let mut out = Vec::new();
            varint(value, &mut out);
            assert_eq!(out, expected);
        }
    }
}
