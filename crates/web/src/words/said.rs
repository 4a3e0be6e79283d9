//! Sentences that answers hold in English, in Japanese: notes, and why a source was in a state.
//!
//! What comes in: a sentence as the trace desk or a source said it, possibly long ago. What goes out: its Japanese, with
//! its numbers in their places; a sentence that is not known here is given as it is. The tests hold the lists against
//! the files in which the sentences are made.

/// The sentence in Japanese.
pub fn japanese(said: &str) -> String {
    let (shape, numbers) = taken_apart(said);
    let Some((_, ja)) = WHY.iter().chain(NOTES).chain(INGRESS).find(|(en, _)| *en == shape) else {
        return said.to_owned();
    };
    let mut numbers = numbers.into_iter();
    let mut parts = ja.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(numbers.next().unwrap_or_default());
        out.push_str(part);
    }
    out
}

/// A sentence with `{}` for each number in it, and the numbers.
fn taken_apart(said: &str) -> (String, Vec<&str>) {
    let (mut shape, mut numbers) = (String::with_capacity(said.len()), Vec::new());
    let mut rest = said;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let (number, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        shape.push_str(before);
        shape.push_str("{}");
        numbers.push(number);
        rest = after;
    }
    shape.push_str(rest);
    (shape, numbers)
}

/// Why a source was in a state: English, Japanese.
pub const WHY: &[(&str, &str)] = &[
    ("the source was not listened to", "記録を受け取っていなかった"),
    ("signs of life are missing", "生存の印が途切れている"),
    ("records were lost on arrival", "受信の際に記録が失われた"),
    ("nothing has come from it yet", "まだ何も届いていない"),
    ("no record for far longer than is usual", "通常よりはるかに長く記録が届いていない"),
    ("a record could not be read", "読めない記録があった"),
    ("records in the imported file are damaged", "取り込んだファイルに読めない記録がある"),
    ("records imported", "記録を取り込んだ"),
    (
        "no record for {} s, where {} s of silence are the most that is usual",
        "{} 秒間記録がない（通常は長くても {} 秒）",
    ),
    ("{} messages lost by sequence numbers", "通し番号によれば {} 件が失われた"),
    ("{} records or packets lost by sequence numbers", "通し番号によれば {} 件が失われた"),
    (
        "sequence numbers began anew: unknown how many records were lost",
        "通し番号が振り直された。失われた件数は不明",
    ),
    ("no sign that it was alive", "動いていた印がない"),
];

/// Notes of an answer: English, Japanese.
pub const NOTES: &[(&str, &str)] = &[
    (
        "the records are older than the retention of their class; its next run deletes those that no hold keeps",
        "記録はその区分の保存期間を過ぎている。保全されていないものは次の削除で消える",
    ),
    (
        "records of that time were deleted at the end of their retention: others may have been there",
        "その時刻の記録には保存期間の満了により削除されたものがあり、他の者がいた可能性がある",
    ),
    (
        "there are more rows than one question gets; the candidates are not all of them",
        "記録が一つの照会の上限を超えたため、候補はすべてではない",
    ),
    ("no time was asked about", "時刻が示されていない"),
    (
        "no holder fits all the observed times: one of them may be wrong",
        "すべての観測時刻に合う保持者はいない。時刻のいずれかが誤っている可能性がある",
    ),
    (
        "the classic slip: one hour later the records name one line; check the zone of the complaint",
        "時差の取り違えの疑い：一時間後であれば記録は一回線を示す。申告の時差を確かめること",
    ),
    (
        "the classic slip: one hour earlier the records name one line; check the zone of the complaint",
        "時差の取り違えの疑い：一時間前であれば記録は一回線を示す。申告の時差を確かめること",
    ),
    (
        "the classic slip: at the told clock time in UTC the records name one line; check the zone of the complaint",
        "時差の取り違えの疑い：申告の時刻を UTC とすれば記録は一回線を示す。申告の時差を確かめること",
    ),
    (
        "the classic slip: at the told clock time in the operator's zone the records name one line; check the zone of the \
         complaint",
        "時差の取り違えの疑い：申告の時刻を当社の時間帯とすれば記録は一回線を示す。申告の時差を確かめること",
    ),
];

/// What keeps the shares of an ingress from being better, and what their sureness rests on: English, Japanese.
pub const INGRESS: &[(&str, &str)] = &[
    (
        "no record of the attack is found: its retention is over, no exporter told of it, or its flows are longer than \
         `active_timeout_s` says",
        "攻撃の記録が見つからない。保存期間が過ぎたか、どの装置も告げなかったか、フローが `active_timeout_s` より長い",
    ),
    ("there is nothing to follow", "たどるものがない"),
    (
        "every packet was counted: each communication counts once, whichever routers told of it",
        "すべてのパケットが数えられている。各通信は、どの装置が告げても一度だけ数える",
    ),
    (
        "packets were sampled: shares are estimates, scaled by each exporter's rate",
        "パケットはサンプリングされている。割合は各装置の率を掛けた推定",
    ),
    (
        "no role of any interface was told, so nothing says where the network ends: name the interfaces in a table (`[network] \
         interfaces`)",
        "インターフェースの役割がまったく与えられておらず、網の端が分からない。表（`[network] interfaces`）に書くこと",
    ),
    (
        "no role was told for {} of the interfaces that it came by ({}.{} %): name them in the table of interfaces",
        "通ったインターフェースのうち {} 個の役割が与えられていない（{}.{} %）。インターフェースの表に書くこと",
    ),
    (
        "{} exporters do not tell by which interface packets come in",
        "{} 台の装置は、どのインターフェースから入ったかを告げない",
    ),
    (
        "{} core interfaces do not tell which router is behind them (column `leads_to`): the way ends there",
        "網内のインターフェース {} 個は、その先の装置が与えられていない（列 `leads_to`）。道はそこで終わる",
    ),
    (
        "{}.{} % left routers that told of none or too little of it: let them export",
        "{}.{} % は、何も、又はわずかしか告げない装置から出ている。その装置からも送らせること",
    ),
    (
        "{}.{} % was seen inside and not seen coming in: an exporter at the edge is missing, loses records, or tells a wrong \
         sampling rate",
        "{}.{} % は網内で見え、流入が見えない。境界の装置が欠けているか、記録を失っているか、サンプリング率が誤っている",
    ),
    (
        "less left towards the target than came in: it was dropped on the way, or an exporter there is missing",
        "対象へ出た量が流入より少ない。途中で捨てられたか、そこの装置が欠けている",
    ),
    (
        "an exporter told no sampling rate: its counts are taken as they are",
        "サンプリング率を告げない装置がある。その数はそのまま用いた",
    ),
    (
        "there were more records than are followed at once: the shares are of a part",
        "記録が一度にたどれる数を超える。割合は一部についてのもの",
    ),
    (
        "nothing tells whether it was seen elsewhere before",
        "それより前に別の所で見えていたかを告げるものがない",
    ),
    ("too much of it is unaccounted for", "行方の分からない分が多すぎる"),
    ("too few packets were sampled", "サンプリングされたパケットが少なすぎる"),
    ("most of it was seen coming in, not all", "大部分の流入が見えたが、すべてではない"),
    (
        "it was seen coming in, by not so many sampled packets",
        "流入は見えたが、サンプリングされたパケットは多くない",
    ),
    ("what was seen inside was seen coming in", "網内で見えたものは、流入も見えている"),
];

#[cfg(test)]
mod tests;
