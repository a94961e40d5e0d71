//! The names in a certificate.
//!
//! The TLS library checks whether a certificate is valid for a given host name, which is different:
//! here the names are compared as text, whatever their kind. The TLS library has parsed the
//! certificate before, so malformed parts are refused here, not repaired.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;

/// The subject alternative names of an X.509 certificate in DER: host names, addresses, e-mail
/// addresses and URIs. Empty if it has none or is damaged.
pub(super) fn names(certificate: &[u8]) -> Vec<String> {
    extension(certificate)
        .and_then(|names| Elements(names).map(name).collect::<Option<Vec<_>>>())
        .unwrap_or_default()
        .into_iter()
        .flatten()
        .collect()
}

/// The contents of the extension: general names one after another.
fn extension(certificate: &[u8]) -> Option<&[u8]> {
    let signed = within(within(certificate, SEQUENCE)?, SEQUENCE)?;
    let (_, extensions) = Elements(signed)
        .flatten()
        .find(|(tag, _)| *tag == EXTENSIONS)?;
    let (_, found) = Elements(within(extensions, SEQUENCE)?)
        .flatten()
        .find(|(_, extension)| within(extension, OBJECT_ID) == Some(SUBJECT_ALT_NAME))?;
    // A flag may be between the two.
    let (_, value) = Elements(found).flatten().find(|(tag, _)| *tag == OCTETS)?;
    within(value, SEQUENCE)
}

/// One general name as text; the inner `None` for a kind that is not compared, the outer one for
/// damage.
#[expect(
    clippy::option_option,
    reason = "a name to skip and a name that is damaged are not the same"
)]
fn name(element: Option<(u8, &[u8])>) -> Option<Option<String>> {
    let (tag, contents) = element?;
    match tag {
        // rfc822Name, dNSName, uniformResourceIdentifier
        0x81 | 0x82 | 0x86 => Some(Some(String::from_utf8(contents.to_vec()).ok()?)),
        // iPAddress
        0x87 => {
            let v4 = <[u8; 4]>::try_from(contents).map(|bytes| Ipv4Addr::from(bytes).into());
            let v6 = <[u8; 16]>::try_from(contents).map(|bytes| Ipv6Addr::from(bytes).into());
            let address: IpAddr = v4.or(v6).ok()?;
            Some(Some(address.to_canonical().to_string()))
        }
        _ => Some(None),
    }
}

/// The contents of the first element, if it has this tag.
fn within(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, contents, _) = element(der)?;
    (found == tag).then_some(contents)
}

/// Tags and contents of consecutive elements; `None` and the end at damage.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Option<(u8, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some((tag, contents, rest)) = element(self.0) else {
            self.0 = &[];
            return Some(None);
        };
        self.0 = rest;
        Some(Some((tag, contents)))
    }
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
