//! The names in a certificate.
//!
//! The TLS library checks whether a certificate is valid for a given host name, which is different:
//! here the names are compared as text, whatever their kind. The TLS library has parsed the
//! certificate before, so malformed parts are refused here, not repaired.

use std::net::IpAddr;

/// `subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;

/// The subject alternative names of an X.509 certificate in DER: host names, addresses, e-mail
/// addresses and URIs. Empty if it has none or is damaged.
pub(super) fn names(certificate: &[u8]) -> Vec<String> {
    let names = extension(certificate).and_then(elements);
    names
        .unwrap_or_default()
        .into_iter()
        .filter_map(name)
        .collect::<Option<_>>()
        .unwrap_or_default()
}

/// The contents of the extension: general names one after another.
fn extension(certificate: &[u8]) -> Option<&[u8]> {
    let signed = within(within(certificate, SEQUENCE)?, SEQUENCE)?;
    let extensions = within(first(signed, EXTENSIONS)?, SEQUENCE)?;
    let (_, found) = elements(extensions)?
        .into_iter()
        .find(|(_, extension)| within(extension, OBJECT_ID) == Some(SUBJECT_ALT_NAME))?;
    // A flag may be between the two.
    within(first(found, OCTETS)?, SEQUENCE)
}

/// One general name as text, the inner `None` if it is damaged. `None` for a kind that is not
/// compared.
#[expect(
    clippy::option_option,
    reason = "a name to skip and a name that is damaged are not the same"
)]
fn name((tag, contents): (u8, &[u8])) -> Option<Option<String>> {
    match tag {
        // rfc822Name, dNSName, uniformResourceIdentifier
        0x81 | 0x82 | 0x86 => Some(String::from_utf8(contents.to_vec()).ok()),
        // iPAddress
        0x87 => {
            let v4 = <[u8; 4]>::try_from(contents).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(contents).map(IpAddr::from));
            Some(address.ok().map(|ip| ip.to_canonical().to_string()))
        }
        _ => None,
    }
}

/// The contents of the first element, if it has this tag.
fn within(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, contents, _) = element(der)?;
    (found == tag).then_some(contents)
}

/// The contents of the first element with this tag.
fn first(der: &[u8], tag: u8) -> Option<&[u8]> {
    let mut elements = elements(der)?.into_iter();
    elements.find_map(|(found, contents)| (found == tag).then_some(contents))
}

/// Tags and contents of consecutive elements; `None` if one is damaged.
fn elements(mut der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (tag, contents, rest) = element(der)?;
        elements.push((tag, contents));
        der = rest;
    }
    Some(elements)
}

/// The first element's tag and contents, and the rest. Tags over 30, and lengths that are
/// indefinite or over 32 bits, do not occur in certificates and count as damage.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = der else {
        return None;
    };
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = bytes.iter().try_fold(0_u32, |sum, byte| {
                sum.checked_mul(256)?.checked_add(u32::from(*byte))
            })?;
            (usize::try_from(length).ok()?, rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(sans: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn all_kinds_of_names_are_found() {
        let der = certificate(vec![
            SanType::DnsName("prometheus.example".try_into().unwrap()),
            SanType::Rfc822Name("ops@example.org".try_into().unwrap()),
            SanType::URI("spiffe://example.org/scraper".try_into().unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
        ]);
        assert_eq!(
            names(&der),
            [
                "prometheus.example",
                "ops@example.org",
                "spiffe://example.org/scraper",
                "192.0.2.7",
                "2001:db8::7"
            ]
        );
        assert_eq!(names(&certificate(Vec::new())), [""; 0]);
    }

    proptest! {
        #[test]
        fn damage_never_adds_a_name_or_a_panic(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let der = certificate(vec![SanType::DnsName("a.example".try_into().unwrap())]);
            prop_assert!(names(&der[..cut.min(der.len() - 1)]).is_empty());
            let mut der = der;
            let at = at % der.len();
            der[at] = byte;
            prop_assert!(names(&der).len() <= 3);
        }
    }
}
