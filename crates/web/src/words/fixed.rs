//! Words that answers use as fixed codes, for people: outcomes, doubts, verdicts, roles, deeds, faults.
//!
//! A code that is not known here is shown as it is; the tests hold the lists against the enums that they name.

use super::Lang;

/// A list of codes with their Japanese and English words.
pub type List = &'static [(&'static str, &'static str, &'static str)];

/// The word for a code.
pub fn word(lang: Lang, list: List, code: &str) -> &str {
    list.iter().find(|(known, ..)| *known == code).map_or(code, |(_, ja, en)| lang.of(ja, en))
}

/// Outcomes of a question.
pub const OUTCOMES: List = &[
    ("unique", "一意", "unique"),
    ("ambiguous", "複数候補", "ambiguous"),
    ("none", "該当なし", "none"),
    ("gap", "記録欠落", "gap"),
    ("expired", "保存期間経過", "expired"),
    ("not-ours", "当社管轄外", "not ours"),
    ("refused", "不許可", "refused"),
];

/// What an outcome says, in one sentence.
pub const SENTENCES: List = &[
    ("unique", "証拠が許す契約は一つだけです。", "The records name one line, and leave no other."),
    (
        "ambiguous",
        "証拠からは複数の可能性が残ります。どれか一つを該当者とは言えません。",
        "The records leave more than one possibility. None of them is shown as the one.",
    ),
    (
        "none",
        "記録はそろっており、その時刻に該当者はいません。",
        "The records are whole, and nobody held it then.",
    ),
    (
        "gap",
        "その時刻の記録が欠けています。「いない」ことを意味しません。",
        "Records of that time are missing. No record is not the same as nobody.",
    ),
    (
        "expired",
        "保存期間を過ぎており、記録は残っていません。",
        "Records of that time are past their retention.",
    ),
    ("not-ours", "そのアドレスは当社のものではありません。", "The address is not of this operator."),
    (
        "refused",
        "規則が許さないか、承認を要します。",
        "The rules do not permit it, or somebody has to agree first.",
    ),
];

/// How sure a candidate is.
pub const CERTAINTIES: List = &[
    ("certain", "確実", "certain"),
    ("within-skew", "時計のずれの範囲内", "within the skew"),
    ("possible", "可能性あり", "possible"),
];

/// Why a candidate is not certain.
pub const DOUBTS: List = &[
    ("near-start", "開始の境目にかかる", "near the start"),
    ("near-end", "終了の境目にかかる", "near the end"),
    ("end-inferred", "終了は推定", "the end is inferred"),
    ("start-inferred", "開始は推定", "the start is inferred"),
    ("source-lossy", "前後で記録の一部が欠落", "the source lost records around it"),
    ("clock-corrected", "装置の時計を補正", "the source's clock was corrected"),
    ("realm-untold", "アドレス空間が不明", "the realm is not told"),
    (
        "inside-unresolved",
        "内側アドレスの使用者の記録がない",
        "whose the inside address was is not on record",
    ),
    ("protocol-untold", "プロトコルが不明", "the protocol is not told"),
];

/// What would decide.
pub const NARROW: List = &[
    ("port", "ポート番号", "the port"),
    ("protocol", "プロトコル", "the protocol"),
    ("destination", "接続先", "the destination"),
    ("another-time", "別の観測時刻", "another time of the same doer"),
    ("exact-time", "より正確な時刻", "a more exact time"),
    ("realm", "アドレス空間", "the realm"),
    ("missing-log", "欠けている記録", "the log that is missing"),
];

/// Kinds of records.
pub const KINDS: List = &[
    ("session", "接続記録", "session"),
    ("lease", "払出記録", "lease"),
    ("nat-session", "変換記録", "NAT session"),
    ("nat-block", "ポート割当", "NAT port block"),
    ("nat-binding", "変換対応", "NAT binding"),
    ("rule", "変換規則", "rule"),
    ("seat", "席・客室", "seat"),
    ("static", "固定割当", "static"),
];

/// What an end or a beginning of an assignment rests on.
pub const EDGES: List = &[
    ("logged", "記録による", "logged"),
    ("duration", "継続時間による", "duration"),
    ("next-holder", "次の保持者による", "next-holder"),
    ("restart", "再起動による", "restart"),
    ("expiry", "満了による", "expiry"),
    ("open", "継続中", "open"),
    ("silent", "記録の途絶", "silent"),
    ("before", "記録より前", "before"),
];

/// Names of a line.
pub const NAMES: List = &[
    ("contract", "契約", "contract"),
    ("login", "ログイン名", "login"),
    ("class", "クラス", "class"),
    ("imsi", "IMSI", "IMSI"),
    ("circuit-id", "回線識別子", "circuit id"),
    ("remote-id", "遠端識別子", "remote id"),
    ("duid", "DUID", "DUID"),
    ("client-id", "クライアント識別子", "client id"),
    ("calling-station", "発信局", "calling station"),
    ("hardware-address", "ハードウェアアドレス", "hardware address"),
    ("softwire", "ソフトワイヤ", "softwire"),
    ("venue-customer", "会場の客", "venue customer"),
    ("seat", "席", "seat"),
    ("inside-address", "内側アドレス", "inside address"),
];

/// States of a source.
pub const COVERAGE: List =
    &[("alive", "記録あり", "alive"), ("lossy", "一部欠落", "lossy"), ("dead", "停止", "dead")];

/// Roles of interfaces.
pub const PLACES: List =
    &[("edge", "網の境界", "edge"), ("core", "網内", "core"), ("customer", "顧客", "customer")];

/// How an attack was seen at an interface.
pub const WAYS: List = &[
    ("entered", "流入", "entered"),
    ("behind", "この装置かその先", "behind"),
    ("first-seen", "初めて見えた所", "first-seen"),
];

/// How sure it is where an attack came in.
pub const SURENESS: List =
    &[("low", "低い", "low"), ("likely", "中程度", "likely"), ("sure", "確実", "sure")];

/// The gate's verdicts.
pub const VERDICTS: List = &[
    ("permit", "許可", "permitted"),
    ("permit+obligations", "義務付き許可", "permitted with obligations"),
    ("need:approval", "承認待ち", "waiting for approval"),
    ("need:consent", "契約者の同意が必要", "the subscriber's consent is needed"),
    ("need:legal-review", "法務担当者の判断が必要", "the legal reviewer has to decide"),
    ("need:warrant", "令状が必要", "a warrant is needed"),
    ("deny", "不許可", "refused"),
];

/// Roles.
pub const ROLES: List = &[
    ("abuse-desk", "申告窓口", "abuse desk"),
    ("network-operations", "ネットワーク運用", "network operations"),
    ("legal-reviewer", "法務", "legal reviewer"),
    ("approver", "承認者", "approver"),
    ("manager", "管理責任者", "manager"),
    ("auditor", "監査", "auditor"),
    ("administrator", "システム管理", "administrator"),
    ("sensor-operator", "観測", "sensor operator"),
    ("requester", "照会", "requester"),
    ("unit-head", "所属長", "head of the unit"),
    ("system", "システム", "system"),
];

/// Purposes.
pub const PURPOSES: List = &[
    ("DELIVER", "通信の媒介", "mediate the communication"),
    ("BILL", "課金", "billing"),
    ("CAP", "容量・公平", "capacity and fairness"),
    ("PROT-OWN", "自社設備の防護", "protect own facilities"),
    ("PROT-CUST", "攻撃を受けた顧客の防護", "protect a customer under attack"),
    ("SPAM", "迷惑メール対策", "against spam"),
    ("FILTER", "契約者自身のフィルタ", "the subscriber's own filter"),
    ("CSAM", "児童ポルノ対策", "against child-abuse material"),
    ("CLEAN", "感染・脆弱な契約者の対処", "clean up infected or vulnerable subscribers"),
    ("DETECT", "攻撃基盤の発見", "find attack infrastructure"),
    ("TRACE-IN", "自網内の追跡", "trace inside the own network"),
    ("TRACE-X", "事業者間の追跡", "trace across operators"),
    ("CRIME", "犯罪捜査", "criminal investigation"),
    ("LIFE", "生命・身体の危険", "danger to life or body"),
    ("CIVIL", "民事請求", "civil claim"),
    ("SHARE", "グループ内共有", "share with a group"),
    ("STAT", "統計", "statistics"),
    ("RESEARCH", "研究", "research"),
];

/// Bases.
pub const BASES: List = &[
    ("CONS-IND", "個別の同意", "individual consent"),
    ("CONS-5", "五条件による初期設定", "on by default under the five conditions"),
    ("CONS-TOS", "約款による同意", "consent in the terms of service"),
    ("PARTY", "通信当事者", "a party to the communication"),
    ("BIZ", "正当業務行為（刑法35条）", "legitimate business act (Penal Code 35)"),
    ("SELF", "正当防衛（刑法36条）", "self-defence (Penal Code 36)"),
    ("NEC", "緊急避難（刑法37条）", "necessity (Penal Code 37)"),
    ("WAR", "令状", "warrant"),
    ("INQ", "捜査関係事項照会", "inquiry letter"),
    ("PRES", "保全要請", "preservation request"),
    ("LAW", "他の法令・裁判所の命令", "another statute or a court order"),
    ("OUT", "通信の秘密の外", "outside secrecy"),
];

/// Deeds.
pub const ACTS: List = &[
    ("learn", "知得", "learn"),
    ("store", "記録", "store"),
    ("use", "利用", "use"),
    ("disclose", "提供", "disclose"),
    ("block", "遮断", "block"),
    ("throttle", "帯域制限", "throttle"),
    ("notify", "注意喚起", "notify"),
    ("preserve", "保全", "preserve"),
    ("aggregate", "集計", "aggregate"),
    ("share", "共有", "share"),
    ("probe", "調査通信", "probe"),
    ("suspend", "利用停止", "suspend"),
];

/// Data categories.
pub const DATA: List = &[
    ("SUB", "契約者情報", "subscriber"),
    ("IDV", "本人確認", "identity documents"),
    ("PAY", "支払", "payment"),
    ("ASGN", "割当記録", "assignment records"),
    ("SEAT", "席・客室", "seats and rooms"),
    ("FLOW", "フロー", "flows"),
    ("HDR", "ヘッダ", "headers"),
    ("APAT", "アクセス傾向", "access patterns"),
    ("DNS", "DNS", "DNS"),
    ("URL", "URL", "URL"),
    ("MENV", "メール送受信記録", "mail envelopes"),
    ("CONT", "内容", "content"),
    ("LOC", "位置", "location"),
    ("AGG", "集計値", "aggregates"),
    ("IOC", "脅威情報", "indicators"),
    ("SENS", "観測機の記録", "sensor records"),
    ("C2LOG", "指令サーバの記録", "command-server log"),
    ("VOL", "通信量", "volumes"),
    ("CMP", "申告・事件簿", "complaints and cases"),
    ("PUB", "公開情報", "public data"),
];

/// States of a case.
pub const CASES: List = &[("open", "進行中", "open"), ("closed", "終結", "closed")];

/// States of a hold.
pub const HOLDS: List =
    &[("held", "保全中", "held"), ("ended", "終了", "ended"), ("unfinished", "未完了", "unfinished")];

/// What happened in a case.
pub const HAPPENED: List = &[
    ("opened", "開始", "opened"),
    ("joined", "参加", "joined"),
    ("noted", "記入", "noted"),
    ("asked", "照会", "asked"),
    ("refused", "不許可", "refused"),
    ("approved", "承認", "approved"),
    ("evidence", "証拠", "evidence"),
    ("disclosed", "提供", "disclosed"),
    ("notified", "通知", "notified"),
    ("preserved", "保全", "preserved"),
    ("closed", "終結", "closed"),
];

/// Kinds of journal entries.
pub const EVENTS: List = &[
    ("decision", "決定", "decision"),
    ("opened", "開封", "opened"),
    ("statement", "陳述", "statement"),
    ("approval", "承認", "approval"),
    ("version-approval", "規則の版への承認", "approval of a version"),
    ("answered", "回答", "answered"),
    ("disclosed", "提供", "disclosed"),
    ("imported", "取込", "imported"),
    ("deleted", "削除", "deleted"),
    ("held", "保全", "held"),
    ("released", "保全終了", "released"),
    ("case-opened", "事件開始", "case opened"),
    ("case-closed", "事件終結", "case closed"),
    ("consent-changed", "同意変更", "consent changed"),
    ("signed-in", "サインイン", "signed in"),
    ("sign-in-failed", "サインイン失敗", "sign-in failed"),
    ("signed-out", "サインアウト", "signed out"),
    ("account-changed", "アカウント変更", "account changed"),
    ("pack-loaded", "規則の施行", "pack loaded"),
    ("pack-signed-off", "規則の承認", "pack signed off"),
    ("key-destroyed", "鍵の破棄", "key destroyed"),
    ("desk-started", "起動", "desk started"),
    ("desk-stopped", "停止", "desk stopped"),
    ("repaired", "修復", "repaired"),
    ("config-changed", "設定変更", "configuration changed"),
];

/// What can be read and yet looks wrong.
pub const WARNINGS: List = &[
    (
        "future",
        "時刻が未来です。時差の取り違えのときに起こります。",
        "The time lies in the future, as it does when a zone is mistaken.",
    ),
    ("zone-season", "時差の略号が季節に合いません。", "The zone's abbreviation does not fit the season."),
    (
        "one-hour-from-ours",
        "時差が事業者の時刻と一時間違います。",
        "The offset is one hour away from the operator's zone.",
    ),
    (
        "epoch",
        "1970 年からの秒数として読み、UTC としました。",
        "The time was given as a count since 1970 and taken as UTC.",
    ),
    (
        "repeated",
        "うるう秒、又は繰り返される一時間に当たります。",
        "The time falls on a leap second or a repeated hour.",
    ),
];

/// Faults of what was typed, by the code of the API.
pub const FAULTS: List = &[
    (
        "line",
        "この行からは読み取れません。アドレスと時刻（時差つき）が一つずつ必要です。",
        "The line needs one address and one time with its zone.",
    ),
    ("address", "IPv4 でも IPv6 でもありません。", "Not an IPv4 or IPv6 address."),
    (
        "address-leading-zero",
        "0 で始まる数があります。8 進数と読まれることがあるため、0 を除いてください。",
        "A number begins with 0, which some programs read as octal; write it without.",
    ),
    ("address-prefix", "範囲ではなく、一つのアドレスを書いてください。", "A prefix; one address is wanted."),
    (
        "address-zone",
        "リンクローカルのゾーン（%…）は一台の中でしか意味がありません。",
        "A link-local zone (%…) means something on one machine only.",
    ),
    ("port", "ポートは 1 から 65535 です。", "The port is a number from 1 to 65535."),
    ("two-ports", "ポートが二つ書かれています。", "Two ports are given."),
    (
        "time",
        "時刻として読めません。例 2026-11-21 10:15:03 +09:00",
        "Not a time; write it like 2026-11-21 10:15:03 +09:00.",
    ),
    (
        "time-no-zone",
        "時差がありません。どの時刻か、申告者に確かめてください。",
        "The time has no zone; ask the sender which it is.",
    ),
    (
        "time-day-or-month",
        "日と月の両方に読めます。申告者に確かめてください。",
        "Day and month can be read both ways; ask the sender which.",
    ),
    ("time-impossible", "そのような日付はありません。", "There is no such date."),
    (
        "time-zone-abbreviation",
        "時差の略号が複数の地域を指します。+09:00 のように書いてください。",
        "The abbreviation stands for several zones; write the offset, like +09:00.",
    ),
    ("to", "接続先が読めません。", "The destination does not read."),
    ("proto", "プロトコルではありません。例 tcp、udp", "Not a protocol; write it like tcp or udp."),
    (
        "skew",
        "一日以内の長さで書いてください。例 30s、2m",
        "Not a length of time of at most one day; write it like 30s or 2m.",
    ),
    ("realm", "そのアドレス空間の記録も規則もありません。", "No record and no rule speaks of this realm."),
    (
        "case-id",
        "事件の番号は A-Z a-z 0-9 . _ - の 64 字以内で、英数字で始めます。",
        "A case id has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit.",
    ),
    ("case-closed", "この事件は終結しています。", "The case is closed."),
    ("case-exists", "その番号の事件があります。", "There is a case with this id."),
    ("no-such-case", "そのような事件はありません。", "There is no such case."),
    ("no-such-incident", "そのような事案はありません。", "There is no such incident."),
    ("incident", "事案は 16 進 16 桁で示します。", "An incident is named by 16 hexadecimal digits."),
    ("filter", "絞り込みが読めません。", "The filter does not read."),
    (
        "since",
        "開始の時刻が読めません。例 2026-11-21 10:00 +09:00",
        "Not a time; write it like 2026-11-21 10:00 +09:00.",
    ),
    (
        "until",
        "終了の時刻が読めません。例 2026-11-21 10:00 +09:00",
        "Not a time; write it like 2026-11-21 10:00 +09:00.",
    ),
    ("page-keys", "1 から 1,000 までの数を書いてください。", "How many keys: a number from 1 to 1,000."),
    ("page-rows", "1 から 10,000 までの数を書いてください。", "How many flows: a number from 1 to 10,000."),
    (
        "series",
        "刻みは 10s、1m、1h のように書いてください。",
        "A step is a length of time, like 10s, 1m or 1h.",
    ),
    (
        "once",
        "インターフェースの役割が設定にないため、一度だけ数えることはできません。",
        "No roles of interfaces are configured, so nothing can be counted once.",
    ),
    ("name", "提供先の名称は 1 から 200 バイトです。", "The recipient's name has 1 to 200 octets."),
    ("own", "提供先自身のアドレスが読めません。", "The recipient's own addresses do not read."),
    ("neighbour_as", "隣接 AS の番号が要ります。", "The number of the neighbour's AS is needed."),
    ("purpose", "そのような目的はありません。", "The rules know no such purpose."),
    ("basis", "そのような根拠はありません。", "The rules know no such basis."),
    ("act", "そのような行為はありません。", "The rules know no such deed."),
    ("data", "そのような対象はありません。", "The rules know no such data category."),
    ("unknown-fact", "規則の知らない事実の名前です。", "The rules know no fact of that name."),
    (
        "derived-fact",
        "この事実はプログラムが確かめるもので、述べることはできません。",
        "This fact is found by the program and cannot be stated.",
    ),
    ("may-not-state", "この事実は、あなたの役割では述べられません。", "Your roles may not state this fact."),
    ("facts", "事実が多すぎます。", "Too many facts."),
    (
        "question",
        "このままでは照会できません。事件の番号にアドレスは使えません。",
        "This cannot be asked. A case id must not hold an address.",
    ),
    ("role", "あなたの役割ではできません。", "Your roles do not open this."),
    ("nobody", "サインインしていません。", "Nobody is signed in."),
    ("own-approval", "自分の依頼には承認できません。", "Nobody agrees to their own request."),
    ("agreed-already", "すでに承認しています。", "You have agreed already."),
    ("nothing-waits", "その番号で待っているものはありません。", "Nothing waits under that id."),
    ("no-such-entry", "そのような記録はありません。", "There is no such entry."),
    ("index", "番号ではありません。", "That is no number."),
    ("no-such-person", "設定にない人です。", "The configuration names no such person."),
    ("too-long", "長すぎます。", "It is too long."),
    (
        "disk-full",
        "記憶装置に空きがありません。受領済みのものは失われていません。",
        "The disk is full. Nothing that was acknowledged is lost.",
    ),
    ("store", "保存装置が応じません。", "The store fails."),
    (
        "journal",
        "監査記録に書けません。書けるまで、何も許可されません。",
        "The journal takes no entries; until it does, nothing is permitted.",
    ),
    ("gate", "規則の判定ができません。", "The gate cannot answer."),
    (
        "standing",
        "施行中の規則が、この設備自身の記録を許していません。",
        "The rules in force do not permit the installation's own recording.",
    ),
    (
        "fault",
        "内部の誤りです。何も行っていません。",
        "A fault of the program. The case and the journal tell what was done.",
    ),
    ("attached", "添付の要約値が正しくありません。", "The digest of the attachment is none."),
    (
        "figure",
        "順位・推移・一覧・SQL のうち一つだけを求めてください。",
        "One of a ranking, a series, a list and SQL, not several.",
    ),
    ("top", "そのような順位の項目はありません。", "There is no such key of a ranking."),
    ("by", "順位は bytes、packets、flows のいずれかによります。", "A ranking is by bytes, packets or flows."),
    ("count", "順位に並べられるのは 10,000 件までです。", "A ranking has at most 10,000 keys."),
    ("rows", "一覧にできるのは 1 件から 100,000 件です。", "1 to 100,000 flows are listed."),
    ("sql", "この SQL 文は実行できません。", "The statement cannot be run."),
    (
        "sql-bound",
        "この SQL 文は、許された時間か記憶量を超えました。",
        "The statement takes more time or memory than it may.",
    ),
    ("no-records", "該当するフロー記録がありません。", "There is no flow record of it."),
];

#[cfg(test)]
mod tests;
