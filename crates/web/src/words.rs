//! The console's words in Japanese and English. A word that lacks a language does not compile.
//!
//! What comes in: a language. What goes out: words. Fixed words of answers (outcomes, doubts, states) are in [`fixed`] and [`seen`];
//! sentences of rules come from the rule packs in both languages.

pub mod fixed;
pub mod said;
pub mod seen;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// `ja` or `en`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// `ja` or `en`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The one of two texts that is in this language.
    pub const fn of<'t>(self, ja: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::En => en,
            Self::Ja => ja,
        }
    }

    /// The words of this language.
    pub const fn words(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Ja => &JAPANESE,
        }
    }
}

macro_rules! words {
    ($($name:ident: $ja:literal, $en:literal;)+) => {
        /// Every word of the console in one language.
        #[derive(Debug)]
        pub struct Words { $(#[doc = $en] pub $name: &'static str,)+ }

        const JAPANESE: Words = Words { $($name: $ja,)+ };
        const ENGLISH: Words = Words { $($name: $en,)+ };

        /// Each word by its name, in Japanese and in English.
        pub const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $ja, $en),)+];
    };
}

words! {
    // --- frame
    product: "辿る", "Tadoru";
    skip: "本文へ", "Skip to the content";
    rail: "主な画面", "Pages";
    overview: "概況", "Overview";
    trace: "追跡", "Trace";
    cases: "事件簿", "Cases";
    approvals: "承認", "Approvals";
    gate: "規則", "Gate";
    journal: "監査記録", "Journal";
    admin: "管理", "Admin";
    sign_out: "サインアウト", "Sign out";
    sealed: "封印中", "Sealed";
    nothing_open: "この画面では何も開いていません。", "Nothing is open in this session.";
    open_now: "開封中", "Open";
    close_open: "すべて閉じる", "Close all";
    close_open_hint: "開いた結果を、この画面から消します。記録は残ります。", "Drops what was opened from this session. The records of it stay.";
    language: "言語", "Language";
    other_language: "English", "日本語";
    keys_title: "キー操作", "Keys";
    keys_text: "/ 検索 ・ g のあとに o t i f s c a r j m で各画面 ・ j k で行を移動 ・ Enter で開く ・ ? この案内", "/ search · g then o t i f s c a r j m goes to a page · j k move along rows · Enter opens · ? this help";
    clock: "現在", "Now";
    back: "戻る", "Back";
    all: "すべて", "All";
    of: "のうち", "of";
    yes: "はい", "yes";
    no: "いいえ", "no";
    none_dash: "—", "—";
    more: "さらに古い記録", "Older";
    newest: "最新へ", "Newest";
    search: "検索", "Search";
    by_rule: "規則", "Rule";
    roles: "役割", "Roles";
    person: "担当者", "Person";
    case: "事件", "Case";
    when: "日時", "When";
    what: "内容", "What";
    state: "状態", "State";
    reason: "理由", "Reason";
    help: "対処", "What to do";

    // --- faults
    fault_title: "表示できません", "This cannot be shown";
    fault_role: "あなたの役割では、この画面を開けません。", "Your roles do not open this page.";
    fault_known: "他の画面はそのまま使えます。", "The other pages go on working.";
    no_page: "そのような画面はありません。", "There is no such page.";
    csrf_title: "受け付けませんでした", "Not taken";
    csrf_text: "この送信は、いまの画面から出されたものではありません。何も行っていません。画面を開き直してください。", "This was not sent from a page of your present session. Nothing was done. Open the page again.";

    // --- sign-in
    sign_in: "サインイン", "Sign in";
    name: "名前", "Name";
    name_hint: "設定の people.id にある名前", "As in people.id of the configuration";
    password: "パスワード", "Password";
    code: "確認コード", "One-time code";
    code_hint: "認証アプリの 6 桁", "Six digits from your authenticator";
    sign_in_wrong: "名前・パスワード・確認コードの組が正しくありません。確認コードは一度しか使えません。", "Name, password and code do not belong together. A code is taken once.";
    sign_in_many: "試行が多すぎます。五分後にやり直してください。", "Too many tries. Wait five minutes and try again.";
    sign_in_lost: "パスワードや認証アプリを失ったときは、システム管理者が新しいリンクを発行できます（tadoru account link 名前）。", "If password or authenticator is lost, the administrator issues a new link (tadoru account link NAME).";
    sign_in_recorded: "サインインと失敗は監査記録に残ります。", "Signing in, and failing to, is on record.";
    account_title: "アカウントの設定", "Set your account";
    account_for: "対象", "For";
    account_secret: "認証アプリに登録する鍵", "Secret for your authenticator";
    account_qr: "認証アプリで読み取る QR コード。読み取れないときは、その下の鍵を入力します。", "QR code for the authenticator; where it cannot be scanned, type the secret below it.";
    account_secret_hint: "時刻方式・6 桁・30 秒・SHA-1。登録すると 6 桁のコードが表示されます。", "Time-based, 6 digits, 30 s, SHA-1. Once it is in, the app shows six digits.";
    account_app: "この端末の認証アプリで開く", "Open in an authenticator on this device";
    account_new: "新しいパスワード", "New password";
    account_new_hint: "12 文字以上。自分の名前を含めない。", "At least 12 characters, without your name in it.";
    account_again: "もう一度", "Once more";
    account_set: "設定してサインイン", "Set and sign in";
    account_short: "12 文字以上にしてください。", "It needs at least 12 characters.";
    account_long: "長すぎます（1,024 バイトまで）。", "It is too long (at most 1,024 bytes).";
    account_guessed: "推測されやすいものです。名前を含めず、同じ文字の繰り返しは避けてください。", "It is easily guessed: leave your name out, and do not repeat one character.";
    account_differ: "二つのパスワードが違います。", "The two passwords differ.";
    account_code: "このコードは、上の鍵の現在のコードではありません。端末の時計も確かめてください。", "This is not the present code of the secret above. Check the clock of the device too.";
    link_gone: "このリンクは使用済みか、期限切れか、正しくありません。システム管理者が新しいリンクを発行できます。", "This link was used already, is past its end, or is none. The administrator can issue a new one.";
    own_account: "自分のアカウント", "Your account";
    own_sessions: "自分のセッション", "Your sessions";
    oidc_enter: "次の認証基盤でサインイン：", "Sign in with";
    oidc_wrong: "認証基盤でのサインインは成立しませんでした。もう一度お試しください。", "Nothing came of signing in at the identity provider. Try again.";
    oidc_away: "認証基盤が応じません。パスワードやパスキーは使えます。", "The identity provider does not answer. Passwords and passkeys go on working.";
    oidc_no_role: "認証基盤のあなたのグループに、この卓の役割は割り当てられていません。システム管理者に申し出てください。", "None of your groups at the identity provider has a role at this desk. Ask the administrator.";
    oidc_name: "認証基盤での名前は、この卓では別の人のものか、使えない名前です。システム管理者に申し出てください。", "Your name at the identity provider is somebody else's at this desk, or cannot be used. Ask the administrator.";
    passkeys: "パスキー", "Passkeys";
    passkeys_lead: "パスキーは端末か鍵が持ち主を確かめるため、パスワードも確認コードも要りません。失くしたときに備えて二つ以上を登録してください。", "A passkey needs neither password nor code: the device or key makes sure of its owner. Register two, in case one is lost.";
    passkeys_none: "まだ登録していません。", "None yet.";
    passkeys_off: "この卓ではパスキーを使えません（設定 console.origin）。", "This desk offers no passkeys (console.origin in the configuration).";
    passkeys_elsewhere: "パスキーは次のアドレスで使えます：", "Passkeys work at this address:";
    passkey_label: "呼び名", "Name of the passkey";
    passkey_label_hint: "例：会社の電話、金庫の鍵", "Such as: office phone, key in the safe";
    passkey_unnamed: "（名なし）", "(unnamed)";
    passkey_add: "パスキーを登録", "Add a passkey";
    passkey_added: "登録", "Added";
    passkey_enter: "パスキーでサインイン", "Sign in with a passkey";
    passkey_failed: "パスキーの操作は行われませんでした。やり直してください。", "Nothing came of the passkey. Try again.";
    passkey_wrong: "このパスキーはどのアカウントのものでもないか、確かめられませんでした。", "This passkey is of no account, or could not be verified.";
    passkey_many: "パスキーは十六個までです。", "An account has sixteen passkeys at most.";
    passkey_stale: "サインインから十五分を過ぎると、パスキーは登録できません。サインインし直してください。", "A passkey is added within fifteen minutes of signing in. Sign in again first.";
    ticket_title: "デモに入る", "Enter the demonstration";
    ticket_enter: "入る", "Enter";
    ticket_text: "一度だけ使えるリンクです。", "This link works once.";

    // --- overview
    waits_for_me: "あなたを待っているもの", "Waiting for you";
    nothing_waits: "承認待ちはありません。他の人の依頼があなたの役割の承認を要するとき、ここに出ます。", "Nothing waits. When somebody's request needs the agreement of your role, it appears here.";
    sources: "記録元", "Sources";
    sources_none: "待ち受けている記録元はありません。設定の [sources] に書くと、ここに出ます。ファイルは tadoru import で取り込めます。", "No source listens. Sources in [sources] of the configuration appear here; files come in by tadoru import.";
    source: "記録元", "Source";
    source_kind: "種類", "Kind";
    taken: "取り込み", "Counted";
    well: "受信中", "taking records in";
    calendar: "記録の有無（直近 48 時間）", "Coverage, last 48 hours of record";
    calendar_none: "記録の有無はまだ分かりません。記録を取り込むと、ここに時間軸で出ます。", "Nothing is known of any source yet. Once records are taken in, their times are drawn here.";
    questions: "問い合わせと結果", "Questions and outcomes";
    questions_of: "最新の監査記録から", "From the newest journal entries";
    questions_none: "まだ問い合わせはありません。追跡の画面から始めます。", "Nothing was asked yet. The trace desk is where it begins.";
    refusals: "不許可と、その規則", "Refusals, by rule";
    refusals_none: "この範囲に不許可はありません。", "No refusal in these entries.";
    count: "件数", "Count";
    journal_head: "監査記録の先頭", "Journal head";
    entries: "記録数", "entries";
    last_verified: "最後の検証", "Last verified";
    never_verified: "起動後はまだ検証していません。", "Not yet since the desk started.";
    rules_in_force: "施行中の規則", "Rules in force";
    rules_warned: "規則についての注意（未確認で、法務担当者の署名がないものなど）", "Rules to be wary of, such as those that counsel has not signed off";
    assignments: "割当記録", "Assignments kept";
    open_cases: "未了の事件", "Open cases";
    operator: "事業者", "Operator";
    version: "版", "Version";
    journal_closed: "あなたの役割では監査記録の中身を読めないため、件数は出ません。", "Your roles do not read journal entries, so no figures are shown.";
    warning: "注意", "Warning";

    // --- trace
    complaint: "申告", "Complaint";
    complaint_line: "申告の一行", "A line of the complaint";
    complaint_line_hint: "アドレス・ポート・時刻（時差つき）を含む行を、そのまま貼り付けます。打ち直しません。", "Paste the line with address, port and time with its zone as it stands. Nothing is retyped.";
    or_fields: "又は、項目ごとに", "Or field by field";
    address: "アドレス", "Address";
    port: "ポート", "Port";
    port_hint: "共有アドレスでは必須に近い", "Needed where an address is shared";
    at: "観測時刻", "Seen at";
    at_hint: "時差つき。例 2026-11-21 10:15:03 +09:00", "With its zone, such as 2026-11-21 10:15:03 +09:00";
    proto: "プロトコル", "Protocol";
    destination: "接続先", "Destination";
    skew: "時計のずれ", "Clock skew";
    skew_hint: "例 30s、2m", "Such as 30s or 2m";
    realm: "アドレス空間", "Realm";
    narrower: "さらに絞る", "More to go by";
    ground: "根拠", "Ground";
    purpose: "目的", "Purpose";
    basis: "根拠", "Basis";
    basis_any: "規則の順に任せる", "By the rules' own order";
    case_hint: "なければ開かれます。例 2026-0017", "Opened where there is none, such as 2026-0017";
    read: "読み取る", "Read";
    read_again: "読み直す", "Read again";
    read_promise: "まだ何も照会しません。読み取った内容を先に示します。", "Nothing is asked yet. How it was read is shown first.";
    read_as: "次のように読み取りました", "Read as";
    read_text: "申告の文字", "As written";
    in_zone: "事業者の時刻", "In the operator's zone";
    in_utc: "UTC", "UTC";
    likely_meant: "意図されていたかもしれない時刻", "May have been meant";
    looks_wrong: "読めますが、疑わしい点があります。何も直していません。", "It reads, and yet something looks wrong. Nothing was corrected.";
    rule_says: "規則の文", "The rule says";
    it_takes: "必要な事実", "It takes";
    it_takes_hint: "述べた事実は、あなたの陳述として監査記録に残ります。", "What you state goes into the journal as your statement.";
    fact_yes: "事実なら「yes」、番号や日付があればその値", "A number or a date where there is one; else yes";
    supplied_by: "述べられる人", "Can be supplied by";
    found_by_program: "プログラムが確かめます", "Found by the program";
    owed: "負う義務", "Owed";
    other_rules: "他にあり得る規則", "Other rules that could permit it";
    ask: "照会する", "Ask";
    ask_recorded: "照会・許可・不許可・開封は監査記録に残ります。", "The question, the decision and the opening are recorded.";
    answers_open: "この画面で開いている結果", "Open in this session";
    answer: "結果", "Answer";
    question: "問い", "Question";
    how_it_was_held: "経路", "Chain";
    time_line: "時間軸", "Time line";
    candidates: "候補", "Candidates";
    holder: "契約", "Held by";
    subscriber_sealed: "契約者（封印中）", "subscriber, sealed";
    certainty: "確からしさ", "Certainty";
    doubts: "疑いの理由", "Doubts";
    held_from: "開始", "From";
    held_until: "終了", "Until";
    would_decide: "何があれば決まるか", "What would decide";
    evidence: "証拠となる記録", "Records it rests on";
    record: "記録番号", "Record";
    notes: "補足", "Notes";
    permit_until: "許可の期限", "Permit ends";
    journal_entry: "監査記録の番号", "Journal entry";
    decision_entry: "決定", "decision";
    answer_entry: "回答", "answer";
    asked_instant: "尋ねた時刻", "asked instant";
    no_log: "記録なし", "no log";
    lossy_log: "記録の一部欠落", "part lost";
    missing: "不足", "Missing";
    refused_head: "不許可", "Refused";
    approval_waits: "承認があれば進めます。承認の番号", "It can go on once somebody agrees. Approval";
    ask_again: "同じ申告で照会し直す", "Ask again with the same complaint";
    answer_gone: "この結果はもう開いていません。許可の期限か、閉じる操作か、サインアウトで閉じられました。監査記録と事件簿は残っています。", "This answer is no longer open: closed by you, by sign-out, or for space. Journal and case still have it.";

    // --- incidents
    incidents: "事案", "Incidents";
    incident: "事案", "Incident";
    incidents_lead: "フローから検知した攻撃と走査です。アドレスは封印され、許可を得て開くまで見えません。", "Attacks and scans found in the flows. Addresses are sealed until a permit opens them.";
    incidents_none: "該当する事案はありません。設定の [sources.flows] でフローを受け、[detection] のしきい値を超えるとここに並びます。", "No such incident on file. With [sources.flows], what goes over the thresholds of [detection] is filed here.";
    incidents_count: "件", "incidents";
    estimated_note: "速度はサンプリングから推定した実際の値です", "Rates are real traffic, estimated from sampling";
    going_on: "継続中", "Going on";
    over: "終結", "Over";
    live_on: "変化を受信中です。", "Changes are shown as they happen.";
    live_off: "変化を受信できていません。再接続を待っています。", "Not connected: changes are not shown. Waiting to connect again.";
    vector: "手口", "Vector";
    direction: "向き", "Direction";
    target: "対象", "Target";
    lasted: "継続時間", "Lasted";
    peak_packets: "最大 packets/s", "Peak packets/s";
    peak_bits: "最大の速度", "Peak rate";
    now_packets: "現在 packets/s", "Now packets/s";
    now_bits: "現在の速度", "Now rate";
    peak_at: "最大の時刻", "Highest second";
    threshold: "しきい値", "Threshold";
    ratio: "しきい値の倍数", "Times the threshold";
    sampling: "サンプリング", "Sampling";
    sampling_untold: "不明", "not told";
    incident_changed: "開いたあとに、この事案に変化がありました。下の内容は開いた時点のものです。", "This incident has changed since it was opened. What stands below is of that time.";
    look_again: "画面を開き直す", "Look again";
    incident_sealed: "内容は封印されています", "Its content is sealed";
    incident_sealed_text: "標的・送信元・流入経路は封印中です。開くと、あなたの名で監査記録に残ります。", "Target, senders and ways in are sealed. Opening is recorded in your name.";
    case_optional: "書けば事件簿にも残り、なければ開かれます。空欄でも監査記録には残ります。", "With a case, it is noted there too, and opened where there is none. The journal has it in any event.";
    open_it: "開く", "Open";
    its_flows: "この事案のフローを見る", "Its own flows";
    over_time: "強さの推移", "Strength over time";
    estimated: "検知器の推定（実際の通信量）", "As the detector estimated it: real traffic";
    figures: "数値", "Figures";
    figures_below: "数値は下の表にあります。", "The figures are in the table below.";
    by_vector: "手口ごとの推移（packets/s）", "By vector, packets/s";
    by_vector_note: "記録されたこの事案自身のフローを、各サンプリングで換算して開始時刻で数えたもの。一刻みは", "Its own recorded flows, each scaled by its sampling and counted when it began. One step is";
    counted_once: "一つのパケットは一度だけ数えています。", "Each packet is counted once.";
    counted_everywhere: "インターフェースの役割が設定にないため、通過したルータごとに数えています。", "No roles of interfaces are configured: a packet is counted at every router that it passed.";
    only_part: "フローが多く、一部のみを数えています。", "There are more flows than are read: this is a part.";
    by_vector_none: "手口ごとの記録は示せません。この事案のフローが保存されていないか、規則が許していません。", "No figures by vector: its flows are not on record, or the rules do not let them be told.";
    other: "その他", "other";
    targets: "標的の移り変わり", "Targets over time";
    collateral: "巻き添え", "Hit besides";
    collateral_none: "同じ手口で目立って影響を受けた他の宛先はありません。", "Nobody else got a notable amount of the same vector.";
    who_is_hit: "影響を受けた先", "Who";
    in_what_way: "影響", "In what way";
    ways_in: "流入経路", "Ways in";
    ways_none: "どこから入ったかは、フローからは分かりません。", "The flows do not tell where it came in.";
    exporter: "エクスポータ", "Exporter";
    interface: "インターフェース", "Interface";
    place: "位置", "Place";
    neighbour: "隣接 AS", "Neighbour AS";
    share: "割合", "Share";
    margin: "標本誤差（95 %）", "Sampling error, 95 %";
    how_seen: "見え方", "How it was seen";
    unaccounted: "流入が見えないもの", "Unaccounted: seen inside, not seen coming in";
    source_addresses: "送信元アドレス数", "Source addresses";
    passing: "網内で通過した所", "Where it passed inside";
    follow: "どこから入ったかを追跡する", "Follow it to where it came in";
    follow_it: "追跡する", "Follow";
    follow_note: "自網内の追跡として、別の規則のもとで行い、監査記録に残ります。", "A trace inside the own network, under a rule of its own, and recorded.";
    senders: "送信元", "Senders";
    believable: "送信元は信じられるか", "Whether sources can be believed";
    impossible_part: "そこから来るはずのない送信元の割合", "Part with sources that cannot be there";
    evenness: "送信元の均等さ（0〜1）", "How evenly they send, 0 to 1";
    as_packets_say: "パケットが名乗る送信元", "Source, as the packets say";
    ports: "ポート", "Ports";
    port_to: "宛先", "to";
    port_from: "送信元", "from";
    why_suspected: "疑う理由", "Why it is suspected";
    wrong_if: "次の場合は誤りです", "What would make it wrong";
    packs: "証拠一式", "Evidence packs";
    packs_lead: "相手ごとに、許す規則が異なります。ここからは何も送られません。", "Each recipient has a rule of its own. Nothing is sent from here.";
    pack: "証拠一式", "Evidence pack";
    pack_of: "証拠一式：事案", "Evidence pack of incident";
    recipient: "提供先", "Recipient";
    recipient_name: "提供先の名称", "Name of the recipient";
    recipient_name_hint: "書類に記される名称", "As the documents will say";
    own_addresses: "提供先自身のアドレス", "The recipient's own addresses";
    own_hint: "標的のうち提供先のもの。空白区切り。標的が一つなら空欄で可。", "Of the targets, separated by spaces. May be left out where there is one target.";
    make_pack: "一式を作る", "Make the pack";
    make_pack_note: "作成・提供・承認は監査記録と事件簿に残ります。", "Making it is recorded in the journal and the case.";
    document: "書類", "Document";
    size: "大きさ", "Size";
    manifest_sum: "目録の SHA-256", "SHA-256 of the manifest";
    nothing_sent: "何も送信していません。書類を渡し、目録の値を控えておいてください。", "Nothing was sent. Hand the documents over, and keep the manifest's sum.";

    // --- flows
    flows: "フロー", "Flows";
    filter: "絞り込み（nfdump の書式）", "Filter, in nfdump's language";
    filter_hint: "例 proto udp and dst port 53。空欄ならすべて。Ctrl+Space で候補、Ctrl+Enter で照会。", "Such as proto udp and dst port 53; empty: every flow. Ctrl+Space offers words, Ctrl+Enter asks.";
    could_stand: "ここに書けるもの", "Here could stand";
    last: "直近", "The last";
    any_time: "全期間", "any time";
    since: "開始", "Since";
    until: "終了（含まない）", "Until";
    since_hint: "時差なしは事業者の時刻。例 2026-11-21 10:00", "Without a zone it is the operator's. Such as 2026-11-21 10:00";
    figure: "何を見るか", "What of them";
    ranked: "順位づけの対象", "Ranked by key";
    by_measure: "何の量で", "By which measure";
    how_many: "件数", "How many";
    step: "刻み", "Step";
    step_hint: "例 10s、1m、1h", "Such as 10s, 1m, 1h";
    count_once: "一度だけ数える（網の境界と顧客のインターフェースのみ）", "Count traffic once: only at interfaces to other networks and to customers";
    ground_of_flows: "誰かが分かる問いの根拠", "Ground, where somebody would be shown";
    ground_of_flows_note: "集計だけなら根拠は要りません。個々のフロー、アドレスの順位、狭い絞り込みには事案又は目的が要ります。", "Sums in which nobody can be told need none. Single flows, rankings of addresses and narrow filters need an incident, or a purpose.";
    incident_cut_hint: "問いはこの事案自身のフローに限られます。", "The question is cut to this incident's own flows.";
    flows_recorded: "問い・許可・不許可は監査記録に残ります。", "The question and the decision are recorded.";
    under_way: "検索中", "Searching";
    waited: "経過", "So far";
    under_way_text: "終わると、この画面に結果が出ます。他の画面を使っていても続きます。", "The answer appears here. It goes on while you use other pages.";
    give_up: "取りやめる", "Cancel";
    given_up: "取りやめました。結果は保存されません。問いそのものは監査記録に残ることがあります。", "Cancelled. No answer is kept; that it was asked may be on record.";
    cut_to: "この事案自身のフローに限定", "Cut to the own flows of incident";
    flows_none: "合うフローはありません。時間・絞り込みを広げると見つかることがあります。", "No flow fits. A wider time or filter may find some.";
    sampling_note: "数はエクスポータが数えたままです。サンプリングされたものの実数は、その倍率ほどになります。見つかった記録：", "Counts are as the exporters sent them: of sampled records the real ones are about so many times these. Records found:";
    records: "件", "records";
    list_is_cut: "見つかったすべてではありません。全体は", "Not all that were found. Altogether:";
    more_in_export: "この画面に出るのは最初の 1,000 行です。書き出しにはすべて入ります。", "The page shows the first 1,000 rows; an export has all.";
    series_note: "刻みごとの合計。フローのない刻みは描かれません。", "Sums of each step. Steps without flows are left out.";
    first_packet: "最初のパケット", "First packet";
    flow_from: "送信元", "From";
    flow_to: "宛先", "To";
    flags: "フラグ", "Flags";
    export: "書き出し", "Export";

    // --- exporters and sources
    exporters: "フローのエクスポータ", "Exporters of flows";
    exporters_none: "エクスポータからはまだ何も届いていません。設定の [sources.flows] に書くと、ここに並びます。", "Nothing has come from any exporter. Those in [sources.flows] of the configuration appear here.";
    exporters_closed: "あなたの役割では、エクスポータの状態は見えません。", "Your roles do not show how exporters fare.";
    received: "受信データグラム", "Datagrams received";
    volume: "受信量", "Volume";
    kept: "保存", "Kept";
    refused_by_spool: "保存できず喪失", "Refused and lost";
    kernel_drops: "システムでの破棄", "Dropped by the system";
    malformed: "形式の誤り", "Malformed";
    unknown_senders: "設定にない送信者", "Senders that are not named";
    quarantined: "隔離", "Quarantined";
    unknown_hint: "設定の [[sources.flows.exporters]] に書くと受け入れます。", "They are taken in once [[sources.flows.exporters]] names them.";
    datagrams: "データグラム", "Datagrams";
    dialect: "方式", "Dialect";
    domain: "ドメイン", "Domain";
    flows_per_s: "フロー/s", "Flows/s";
    lost: "喪失", "Lost";
    waiting_for_template: "テンプレート待ち", "Waiting for template";
    clock_ahead: "時計の進み", "Clock ahead by";
    corrected: "補正中", "corrected";
    templates: "テンプレート", "Templates";
    unread: "読めなかったもの", "What could not be read";
    unread_domains: "未読のドメイン", "Domains unread";
    dropped_sets: "破棄したデータ", "Data sets dropped";
    without_records: "フロー記録が見つからなくても作る", "Make it even where no flow record is found";
    records_in_it: "フロー記録", "Flow records";
    restarts: "再起動", "Restarts";
    defects: "読めないもの", "Defects";
    last_seen: "最終受信", "Last seen";
    silent_for: "無音", "silent for";
    sources_of_records: "割当記録の記録元", "Sources of assignment records";
    coverage_calendar: "記録の有無（直近 14 日）", "Coverage calendar, 14 days";
    calendar_lead: "各日の最も悪い状態と、その長さです。何も分かっていない時間は「不明」で、記録ありとは数えません。時間帯：", "The worst of each day, and for how long. What nothing is known of is unknown, never covered. Zone:";
    clocks: "記録元の時計についての証拠", "Evidence about the sources' clocks";
    not_ahead: "進んでいる証拠なし", "no sign that it is";
    day: "日", "Day";
    samples: "記録数", "Records";

    // --- cases
    case_new: "事件を開く", "Open a case";
    case_title: "件名", "Title";
    case_title_hint: "封印して保存します。", "It is kept sealed.";
    case_id: "番号", "Id";
    case_id_hint: "空欄なら今年の次の番号", "Empty: the next of the year";
    case_none: "事件はありません。照会すると、その事件が開かれます。", "No case here. A question opens its case.";
    case_open_state: "未了", "open";
    case_closed_state: "終結", "closed";
    opened_by: "開いた人", "Opened by";
    participants: "関係者", "People";
    thread: "経過", "Thread";
    case_sealed: "件名と本文は封印されています", "Title and texts are sealed";
    case_close: "事件を終える", "Close the case";
    case_close_hint: "終えた事件には書き足せません。", "Nothing can be added to a closed case.";
    case_print: "この画面は、そのまま印刷できます。", "This page prints as a dossier.";
    closed_by: "終えた人", "Closed by";

    // --- approvals
    approvals_lead: "二人目の承認を要する依頼です。自分の依頼には承認できません。", "Requests that need a second person. Nobody agrees to their own.";
    asked_by: "依頼した人", "Asked by";
    deed: "行為", "Deed";
    data: "対象", "Data";
    lacking: "不足人数", "Still lacking";
    agreed_by: "承認済み", "Agreed so far";
    agree: "承認する", "Agree";
    agree_hint: "承認は 24 時間有効で、監査記録に残ります。", "It holds for 24 hours and is recorded.";
    agreed: "承認しました。監査記録の番号", "Agreed. Journal entry";

    // --- gate
    gate_lead: "何も照会せず、規則が何と言うかを示します。", "What the rules would say. Nothing is asked, nothing is permitted.";
    act: "行為", "Deed";
    explain: "規則に照らす", "Explain";
    facts: "事実", "Facts";
    facts_hint: "一行に一つ、名前=値", "One a line, name=value";
    table: "決定表", "Decision table";
    table_filter: "規則番号・語で絞る", "Filter by rule id or word";
    rules_shown: "表示中の規則", "Rules shown";

    // --- journal
    journal_lead: "すべての決定と利用の記録です。アドレスと契約者は符号に置き換えられています。", "Every decision and use. Tokens stand in the place of addresses and subscribers.";
    kind: "種類", "Kind";
    index: "番号", "Entry";
    verify: "全体を検証する", "Verify the whole";
    verify_hint: "すべての記録・ハッシュ・署名を読み直します。", "Reads every entry, hash and signature again.";
    verify_sound: "検証に合格：損傷は見つかりません。", "Proven: no damage found.";
    verify_damaged: "損傷があります。", "There is damage.";
    verify_failed: "検証できませんでした。", "It could not be verified.";
    proof: "証明", "Proof";
    proof_text: "この記録が、署名された木に含まれることの証明です。公開鍵だけで、この装置の外で確かめられます。", "That this entry is in the signed tree. Anybody can check it elsewhere with the public key alone.";
    public_key: "公開鍵", "Public key";
    checkpoint: "署名つき検査点", "Signed checkpoint";
    entry_text: "記録の本文", "The entry itself";
    journal_none: "条件に合う記録はありません。", "No entry fits.";
    tree_root: "木の根", "Root";

    // --- admin
    accounts: "アカウント", "Accounts";
    accounts_lead: "人と役割は設定ファイルで決まります。ここではサインインの手段だけを扱います。", "People and roles are in the configuration file. Here is only what proves who signs in.";
    account_state: "設定", "Account";
    set_on: "設定済み", "set";
    not_set: "未設定", "not set";
    link_until: "リンクの期限", "Link until";
    issue_link: "リンクを発行", "Issue link";
    link_issued: "次のリンクを本人に渡してください。一度だけ表示され、一度だけ使えます。", "Give this link to the person. It is shown once and works once.";
    remove: "削除", "Remove";
    removed: "アカウントを削除し、サインインを終わらせました。", "The account is removed and its sessions are ended.";
    sessions: "サインイン中", "Sessions";
    began: "開始", "Began";
    used: "最終利用", "Last used";
    this_session: "この画面", "this one";
    end_session: "終わらせる", "End";
    no_longer_named: "設定にない人", "no longer in the configuration";
}

#[cfg(test)]
mod tests;
