//! Paging, logging, progress and cancelling as data.

use std::time::Duration;

use crate::round_trip::{refused, survives};
use mcp_proto::model::cancel::CancelledParams;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams, SetLevelParams};
use mcp_proto::model::page::{PageError, PageGuard};
use mcp_proto::model::progress::{ProgressParams, ProgressToken};
use mcp_proto::model::tool::ListToolsResult;
use mcp_proto::rpc::Text;

#[test]
fn a_listing_ends_without_a_cursor_and_goes_on_with_an_empty_one() {
    // `page.opaque`, `page.empty.cursor`, `page.end`, `page.null`, `page.both`
    let mut guard = PageGuard::new(64);
    assert_eq!(
        guard.advance(Some(Text::from(""))),
        Ok(Some(Text::from("")))
    );
    let odd = Text::from("a/b=\u{7f} c");
    assert_eq!(guard.advance(Some(odd.clone())), Ok(Some(odd)));
    assert_eq!(guard.advance(None), Ok(None));
    let last: ListToolsResult<'_> =
        serde_json::from_str(r#"{"tools":[],"nextCursor":null}"#).unwrap();
    assert_eq!(last.next_cursor, None);
    assert_eq!(serde_json::to_string(&last).unwrap(), r#"{"tools":[]}"#);
}

#[test]
fn a_listing_that_would_never_end_is_given_up() {
    // `page.loopguard`
    let mut guard = PageGuard::new(64);
    for cursor in ["a", "b"] {
        assert!(guard.advance(Some(cursor.into())).is_ok());
    }
    assert_eq!(
        guard.advance(Some("a".into())),
        Err(PageError::RepeatedCursor)
    );
    let mut short = PageGuard::new(2);
    assert!(short.advance(Some("a".into())).is_ok());
    assert_eq!(
        short.advance(Some("b".into())),
        Err(PageError::TooManyPages { limit: 2 })
    );
    assert_eq!(short.advance(None), Ok(None));
}

#[test]
fn odd_cache_hints_mean_stale_and_private() {
    // `cache.absent`, `cache.scope`, `cache.zero`
    let hints = |json: &str| {
        let result: ListToolsResult<'_> = serde_json::from_str(json).unwrap();
        let hints = result.cache_hints();
        (hints.lifetime, hints.shared)
    };
    let stale = (Duration::ZERO, false);
    assert_eq!(hints(r#"{"tools":[]}"#), stale);
    assert_eq!(
        hints(r#"{"tools":[],"ttlMs":-1,"cacheScope":"galaxy"}"#),
        stale
    );
    assert_eq!(
        hints(r#"{"tools":[],"ttlMs":"soon","cacheScope":"private"}"#),
        stale
    );
    let shared = hints(r#"{"tools":[],"ttlMs":1500,"cacheScope":"public"}"#);
    assert_eq!(shared, (Duration::from_millis(1500), true));
}

#[test]
fn levels_are_ordered_by_gravity() {
    // `log.levels`
    let names = [
        "debug",
        "info",
        "notice",
        "warning",
        "error",
        "critical",
        "alert",
        "emergency",
    ];
    let levels: Vec<_> = names
        .iter()
        .map(|name| LoggingLevel::from_wire(name).unwrap())
        .collect();
    assert_eq!(levels, LoggingLevel::ALL);
    assert!(
        levels.is_sorted()
            && levels
                .iter()
                .zip(names)
                .all(|(level, name)| level.as_str() == name)
    );
}

#[test]
fn an_unknown_level_is_refused_as_a_wish_but_does_not_lose_a_message() {
    // `log.setlevel.bad`, `log.notif`
    survives::<SetLevelParams<'_>>(r#"{"level":"alert","_meta":{"k":1}}"#);
    refused::<SetLevelParams<'_>>(r#"{"level":"loud"}"#);
    survives::<LoggingMessageParams<'_>>(
        r#"{"level":"error","logger":"db","data":{"n":1.50,"l":[null]},"_meta":{"k":1}}"#,
    );
    survives::<LoggingMessageParams<'_>>(r#"{"level":"debug","data":null}"#);
    let odd: LoggingMessageParams<'_> =
        serde_json::from_str(r#"{"level":"loud","data":"x"}"#).unwrap();
    assert_eq!(odd, LoggingMessageParams::text(LoggingLevel::Info, "x"));
    refused::<LoggingMessageParams<'_>>(r#"{"level":"info"}"#);
}

#[test]
fn a_progress_token_is_a_string_or_an_integer_and_compared_by_value() {
    // `progress.token.type`
    let token = |json: &'static str| serde_json::from_str::<ProgressToken<'_>>(json);
    assert_eq!(token(r#""a\u0062""#).unwrap(), ProgressToken::from("ab"));
    assert_eq!(token("-7").unwrap(), ProgressToken::from(-7));
    assert_ne!(token("1").unwrap(), ProgressToken::from("1"));
    assert_eq!(token("18446744073709551616").unwrap().as_integer(), None);
    for json in ["1.5", "1e3", "true", "null", "{}", "[]"] {
        assert!(token(json).is_err(), "{json}");
    }
}

#[test]
fn progress_takes_fractions_and_keeps_whole_numbers_whole() {
    // `progress.shape`, `data.number`
    let json = r#"{"progressToken":"t","progress":1.5,"total":10,"message":"m","_meta":{"k":1}}"#;
    survives::<ProgressParams<'_>>(json);
    let written = serde_json::to_string(&ProgressParams::new(1, 50.0).total(100.0)).unwrap();
    assert_eq!(written, r#"{"progressToken":1,"progress":50,"total":100}"#);
    refused::<ProgressParams<'_>>(r#"{"progressToken":"t"}"#);
}

#[test]
fn a_cancellation_may_lack_its_id() {
    // `cancel.shape`
    survives::<CancelledParams<'_>>(r#"{"requestId":"r","reason":"why","_meta":{"k":1}}"#);
    let bare = survives::<CancelledParams<'_>>("{}");
    assert_eq!(bare.request_id, None);
}

#[test]
fn every_double_reads_as_the_one_that_was_written() {
    // `data.number`: what a number means must not hang on a feature that another crate switches on.
    let mut state = 88_172_645_463_325_252_u64;
    for n in 0..support::amount(10_000, 100_000) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let any = f64::from_bits(state);
        let number = match n % 2 {
            0 => (state >> 11) as f64 / (1_u64 << 53) as f64,
            _ if any.is_finite() => any,
            _ => continue,
        };
        let text = format!(r#"{{"progressToken":1,"progress":{number:?}}}"#);
        let read: ProgressParams<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.progress.to_bits(), number.to_bits(), "{number:?}");
    }
}
