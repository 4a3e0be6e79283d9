//! The console's cookies: the session's token, and the language. `HttpOnly`, `SameSite=Strict`, and `Secure` unless the
//! desk is reached on this machine itself.

use axum::http::{HeaderMap, HeaderValue, header};

/// The session's token.
pub const SESSION: &str = "tadoru-session";
/// The language.
pub const LANGUAGE: &str = "tadoru-language";

/// What a browser brings back from the identity provider.
pub const UNTIL_BACK: &str = "tadoru-until-back";

/// The value of a cookie.
pub fn of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name && !value.is_empty()).then_some(value)
    })
}

/// Sets a cookie; an empty value takes it back.
pub fn set(headers: &mut HeaderMap, name: &str, value: &str, is_local: bool) {
    let secure = if is_local { "" } else { "; Secure" };
    let age = match (name, value) {
        (_, "") => "; Max-Age=0",
        (LANGUAGE, _) => "; Max-Age=31536000",
        _ => "",
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{age}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Sets what a browser brings back from the identity provider, for the time of a sign-in; it comes with the other site's
/// redirect, and to that path alone. An empty value takes it back.
pub fn set_until_back(headers: &mut HeaderMap, value: &str, is_local: bool) {
    let secure = if is_local { "" } else { "; Secure" };
    let age = if value.is_empty() { 0 } else { 300 };
    let text =
        format!("{UNTIL_BACK}={value}; Path=/oidc/return; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Whether the request came to a name of this machine itself, where there is no TLS.
pub fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    //! Cookies are read and written as browsers have them.

    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_cookie_is_found_among_others_and_is_secure_beyond_this_machine() {
        let sent = headers(header::COOKIE, "a=1; tadoru-session=abc; tadoru-sessionx=d");
        assert_eq!(of(&sent, SESSION), Some("abc"));
        assert_eq!(of(&sent, LANGUAGE), None);
        for (host, local) in [
            ("127.0.0.1:7480", true),
            ("[::1]:7480", true),
            ("localhost", true),
            ("127.evil.example", false),
            ("desk.example.net", false),
        ] {
            assert_eq!(is_local(&headers(header::HOST, host)), local, "{host}");
        }
        let mut set_there = HeaderMap::new();
        set(&mut set_there, SESSION, "abc", false);
        let text = set_there.get(header::SET_COOKIE).unwrap().to_str().unwrap();
        assert_eq!(text, "tadoru-session=abc; Path=/; HttpOnly; SameSite=Strict; Secure");
    }
}
