//! Fixed words of incidents, flows and sources for people.

use super::fixed::List;

/// What happened last to an incident.
pub const STATES: List = &[
    ("opened", "検知", "opened"),
    ("grew", "拡大", "grew"),
    ("moved", "標的の移動", "moved"),
    ("ended", "終結", "ended"),
];

/// Which way it goes.
pub const DIRECTIONS: List = &[
    ("incoming", "流入", "incoming"),
    ("outgoing", "流出", "outgoing"),
    ("inside", "網内", "inside"),
    ("passing", "通過", "passing"),
];

/// Kinds of target.
pub const SCOPES: List = &[
    ("host", "ホスト", "host"),
    ("customer", "顧客", "customer"),
    ("prefix", "プレフィックス", "prefix"),
    ("interface", "インターフェース", "interface"),
    ("network", "網全体", "network"),
];

/// How sure a finding is.
pub const SURENESS: List =
    &[("low", "低い", "low"), ("likely", "中程度", "likely"), ("sure", "確実", "sure")];

/// Whether sources can be believed.
pub const SPOOFING: List = &[
    ("plausible", "もっともらしい", "plausible"),
    ("impossible-here", "ここではあり得ない", "impossible here"),
    ("randomised", "乱数で偽装", "randomised"),
    ("unverifiable", "判断不能", "unverifiable"),
];

/// Where a threshold comes from.
pub const THRESHOLDS: List = &[
    ("configured", "設定値", "configured"),
    ("warming-up", "設定値（学習中）", "configured, as too little has been learnt yet"),
    ("learnt", "学習値", "learnt: what is usual at this hour of the week"),
];

/// Where an interface leads.
pub const PLACES: List =
    &[("edge", "他網との境界", "edge"), ("core", "網内", "core"), ("customer", "顧客側", "customer")];

/// How a way in was seen.
pub const HOW: List = &[
    ("entered", "ここで流入", "entered here"),
    ("behind", "この先の見えない装置から", "from behind: that router is silent"),
    ("first-seen", "最初に見えた所", "first seen here"),
];

/// For whom there are packs.
pub const RECIPIENTS: List = &[
    ("victim", "被害者", "the victim"),
    ("neighbour", "隣接事業者", "the neighbour"),
    ("association", "認定協会", "the certified association"),
];

/// How an exporter stands.
pub const STANDINGS: List =
    &[("known", "設定済み", "known"), ("quarantined", "隔離中", "quarantined: its flows are not kept")];

/// Protocols of export.
pub const PROTOCOLS: List = &[
    ("netflow-5", "NetFlow v5", "NetFlow v5"),
    ("netflow-9", "NetFlow v9", "NetFlow v9"),
    ("ipfix", "IPFIX", "IPFIX"),
    ("sflow-5", "sFlow v5", "sFlow v5"),
];

/// Who told the sampling.
pub const SAMPLING_FROM: List = &[
    ("data", "（データによる）", "told in the data"),
    ("options", "（オプションによる）", "told in options"),
    ("configured", "（設定による）", "configured"),
];

/// States of a day of the calendar.
pub const DAYS: List = &[
    ("covered", "記録あり", "covered"),
    ("lossy", "一部欠落", "lossy"),
    ("gap", "欠落", "gap"),
    ("unknown", "不明", "unknown"),
];

/// What of the flows is wanted.
pub const VIEWS: List = &[
    ("sums", "合計", "Sums"),
    ("top", "順位", "Ranking"),
    ("series", "推移", "Over time"),
    ("rows", "フローの一覧", "The flows themselves"),
];

/// The last so much of time.
pub const LASTS: List = &[
    ("15m", "15 分", "15 m"),
    ("1h", "1 時間", "1 h"),
    ("6h", "6 時間", "6 h"),
    ("24h", "24 時間", "24 h"),
    ("7d", "7 日", "7 d"),
];

/// Measures of flows.
pub const MEASURES: List =
    &[("bytes", "バイト数", "bytes"), ("packets", "パケット数", "packets"), ("flows", "フロー数", "flows")];

/// Keys of a ranking; of those that are addresses the gate is asked.
pub const KEYS: List = &[
    ("dst-port", "宛先ポート", "destination port"),
    ("src-port", "送信元ポート", "source port"),
    ("port", "ポート", "port"),
    ("proto", "プロトコル", "protocol"),
    ("flags", "TCP フラグ", "TCP flags"),
    ("tos", "サービス種別", "type of service"),
    ("src-as", "送信元 AS", "source AS"),
    ("dst-as", "宛先 AS", "destination AS"),
    ("asn", "AS", "AS"),
    ("src-net", "送信元の網（/24・/56）", "source network (/24, /56)"),
    ("dst-net", "宛先の網（/24・/56）", "destination network (/24, /56)"),
    ("net", "網（/24・/56）", "network (/24, /56)"),
    ("exporter", "エクスポータ", "exporter"),
    ("input", "入力インターフェース", "interface in"),
    ("output", "出力インターフェース", "interface out"),
    ("interface", "インターフェース", "interface"),
    ("next-hop", "次ホップ", "next hop"),
    ("src-addr", "送信元アドレス（根拠を要する）", "source address (needs a ground)"),
    ("dst-addr", "宛先アドレス（根拠を要する）", "destination address (needs a ground)"),
    ("addr", "アドレス（根拠を要する）", "address (needs a ground)"),
];

/// What is wrong with a filter.
pub const FILTER_FAULTS: List = &[
    ("unexpected", "ここからは続けられません", "it cannot go on like this"),
    ("unfinished", "途中で終わっています", "it ends too early"),
    ("not-kept", "この項目は保存されていません", "this is not kept"),
    ("host-name", "名前は引きません。アドレスを書いてください", "names are not looked up; give the address"),
    ("too-large", "数が大きすぎます", "the number is too large"),
    ("prefix-length", "長さがアドレスを超えています", "the prefix is longer than the address"),
    ("netmask", "マスクがプレフィックスではありません", "the netmask is no prefix"),
    ("time-zone", "時差が要ります", "a time needs its zone"),
    ("flags", "フラグは UAPRSF か X です", "flags are of UAPRSF or X"),
    ("include", "ファイルは読みません", "no files are read"),
    ("too-deep", "括弧が深すぎます", "parentheses are nested too deep"),
    ("too-long", "長すぎます", "it is too long"),
];

#[cfg(test)]
mod tests;
