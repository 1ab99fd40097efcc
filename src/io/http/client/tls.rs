//! Whom clients trust over TLS, and what is told of a server that they don't.

use alloc::vec::Vec;
use core::error::Error;
use std::io;

use ::rustls::CertificateError;
use ::rustls::pki_types::CertificateDer;
use ::rustls::pki_types::pem::PemObject;

use super::remote::Remote;

/// How a certificate begins that is written as text.
const TEXT: &[u8] = b"-----BEGIN";

/// The certificates of the authorities that the server's is to come from; none for those that
/// everybody trusts.
///
/// Returns an error if one can't be read.
pub(super) fn trusted(remote: &Remote) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for given in remote.trusted() {
        let before = certificates.len();
        if given.windows(TEXT.len()).any(|window| window == TEXT) {
            for certificate in CertificateDer::pem_slice_iter(given) {
                certificates.push(certificate.map_err(unreadable)?);
            }
        } else if !given.is_empty() {
            certificates.push(CertificateDer::from(given.to_vec()));
        }
        if certificates.len() == before {
            return Err(unreadable("it holds none"));
        }
    }
    Ok(certificates)
}

/// The error for a certificate that can't be used.
pub(super) fn unreadable(why: impl core::fmt::Display) -> io::Error {
    let what = alloc::format!("a certificate to trust can't be read: {why}");
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// The settings of rustls for connections to the server.
///
/// Returns an error if a certificate to trust can't be read.
#[cfg(feature = "rustls")]
pub(super) fn config(remote: &Remote) -> io::Result<::rustls::ClientConfig> {
    use ::rustls::{ClientConfig, RootCertStore, crypto};
    use hyper_rustls::ConfigBuilderExt;

    // The provider of the process needn't be one, when others of its crates bring theirs.
    let provider = alloc::sync::Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let certificates = trusted(remote)?;
    if certificates.is_empty() {
        return Ok(config.with_webpki_roots().with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(unreadable)?;
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What is wrong with a server that this error is about, if TLS is what has failed. Nothing was sent
/// to it then.
pub(super) fn refused(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use ::rustls::Error as Tls;
    Some(match error.downcast_ref::<Tls>()? {
        Tls::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "its certificate comes from an authority that isn't trusted here, see `Remote::trust`"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate isn't valid yet"
            }
            _ => "its certificate can't be trusted",
        },
        Tls::InvalidMessage(_) => "it doesn't speak TLS",
        _ => "there is no TLS with it",
    })
}
