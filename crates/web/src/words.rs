//! The console's words in Japanese and English. A word that lacks a language does not compile.
//!
//! What comes in: a language. What goes out: words. Fixed words of answers (outcomes, doubts, states) are in [`fixed`];
//! sentences of rules come from the rule packs in both languages.

pub mod fixed;
pub mod said;

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
    keys_text: "/ 検索 ・ g のあとに o t c a r j m で各画面 ・ j k で行を移動 ・ Enter で開く ・ ? この案内", "/ search · g then o t c a r j m goes to a page · j k move along rows · Enter opens · ? this help";
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
