//! Reads what a scrape says in any format, apart from the program's own code.

use std::collections::BTreeMap;

/// Values by series: name and labels in the order of their names. Bounds of buckets are
/// numbers, which formats write differently.
pub(crate) type Values = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Adds a sample; a series is there only once.
pub(crate) fn add(
    values: &mut Values,
    name: &str,
    labels: impl IntoIterator<Item = (String, String)>,
    value: f64,
) {
    let labels = labels.into_iter().map(|(name, value)| match &name[..] {
        "le" => (name, value.parse::<f64>().unwrap().to_string()),
        _ => (name, value),
    });
    let key = (name.to_owned(), labels.collect());
    assert_eq!(values.insert(key.clone(), value), None, "{key:?}");
}

/// The text formats.
pub(crate) fn text(body: &str) -> Values {
    let mut values = Values::new();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, mut rest) = series.split_once('{').unwrap_or((series, "}"));
        let mut labels = Vec::new();
        while let Some((label, quoted)) = rest.split_once("=\"") {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at + 1,
                    (_, '\\') => text.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, other) => text.push(other),
                }
            };
            labels.push((label.trim_start_matches(',').to_owned(), text));
            rest = &quoted[end..];
        }
        assert_eq!(rest, "}", "{line}");
        add(&mut values, name, labels, value.parse().unwrap());
    }
    values
}

/// A field's number and what it holds.
enum Field<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    value
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(varint(bytes)).unwrap();
    take(bytes, length)
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut bytes)),
            1 => Field::Double(f64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => Field::Bytes(delimited(&mut bytes)),
            other => panic!("wire type {other}"),
        };
        fields.push((tag >> 3, field));
    }
    fields
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Delimited `MetricFamily` messages; the starts of counters go to `created`.
pub(crate) fn protobuf(mut body: &[u8], created: &mut Values) -> Values {
    let mut values = Values::new();
    while !body.is_empty() {
        let mut name = String::new();
        for (number, field) in fields(delimited(&mut body)) {
            match (number, field) {
                (1, Field::Bytes(bytes)) => name = string(bytes),
                (2, Field::Bytes(_)) | (3, Field::Varint(_)) => {}
                (4, Field::Bytes(bytes)) => metric(&name, bytes, &mut values, created),
                (other, _) => panic!("field {other} of a family"),
            }
        }
    }
    values
}

fn metric(name: &str, bytes: &[u8], values: &mut Values, created: &mut Values) {
    let mut labels = Vec::new();
    for (number, field) in fields(bytes) {
        let Field::Bytes(bytes) = field else {
            panic!("field {number} of a metric")
        };
        match number {
            1 => {
                let pair: Vec<String> = fields(bytes)
                    .into_iter()
                    .map(|(_, field)| match field {
                        Field::Bytes(bytes) => string(bytes),
                        _ => panic!("a label that is no text"),
                    })
                    .collect();
                labels.push((pair[0].clone(), pair[1].clone()));
            }
            2 | 3 => {
                for (number, field) in fields(bytes) {
                    match (number, field) {
                        (1, Field::Double(value)) => add(values, name, labels.clone(), value),
                        (3, Field::Bytes(timestamp)) => {
                            let [(1, Field::Varint(seconds))] = fields(timestamp)[..] else {
                                panic!("a timestamp that is not whole seconds")
                            };
                            let seconds = f64::from(u32::try_from(seconds).unwrap());
                            add(created, name, labels.clone(), seconds);
                        }
                        (other, _) => panic!("field {other} of a value"),
                    }
                }
            }
            7 => histogram(name, bytes, &labels, values),
            other => panic!("field {other} of a metric"),
        }
    }
}

fn histogram(name: &str, bytes: &[u8], labels: &[(String, String)], values: &mut Values) {
    let number = |value: u64| f64::from(u32::try_from(value).unwrap());
    let bucket = |bound: f64, count: u64, values: &mut Values| {
        let le = ("le".to_owned(), bound.to_string());
        let labels = labels.iter().cloned().chain([le]);
        add(values, &format!("{name}_bucket"), labels, number(count));
    };
    for (field_number, field) in fields(bytes) {
        match (field_number, field) {
            (1, Field::Varint(count)) => {
                add(
                    values,
                    &format!("{name}_count"),
                    labels.to_vec(),
                    number(count),
                );
                bucket(f64::INFINITY, count, values);
            }
            (2, Field::Double(sum)) => add(values, &format!("{name}_sum"), labels.to_vec(), sum),
            (3, Field::Bytes(bytes)) => {
                let [(1, Field::Varint(count)), (2, Field::Double(bound))] = fields(bytes)[..]
                else {
                    panic!("a bucket that is not a count and a bound")
                };
                bucket(bound, count, values);
            }
            (other, _) => panic!("field {other} of a histogram"),
        }
    }
}
