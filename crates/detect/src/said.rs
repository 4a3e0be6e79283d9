//! What a detector says, sentence by sentence: its code, its figures, and its words in English and Japanese.
//!
//! What comes in: a sentence and its figures, or the English text of a finding, possibly of long ago. What goes out: the
//! text in either language. Findings hold the English text; whatever shows them to people reads it here. No sentence ever
//! holds an address.

#[cfg(test)]
mod tests;

/// A sentence with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which sentence.
    pub sentence: Sentence,
    /// Its figures, in the order of the English text.
    pub figures: Vec<String>,
}

impl Said {
    /// What a text says; `None` where it is none of the sentences here.
    pub fn read(text: &str) -> Option<Self> {
        let mut read =
            Sentence::ALL.iter().filter_map(|sentence| Some((*sentence, figures(sentence.row().1, text)?)));
        read.next().map(|(sentence, figures)| Self { sentence, figures })
    }

    /// The text in English.
    pub fn english(&self) -> String {
        let mut figures = self.figures.iter();
        let mut parts = self.sentence.row().1.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str(figures.next().map_or("", String::as_str));
            text.push_str(part);
        }
        text
    }

    /// The text in Japanese.
    pub fn japanese(&self) -> String {
        let mut text = self.sentence.row().2.to_owned();
        for (place, figure) in self.figures.iter().enumerate() {
            text = text.replace(&format!("{{{place}}}"), figure);
        }
        text
    }
}

/// The figures with which a pattern becomes a text; each a number or a word.
fn figures(pattern: &str, text: &str) -> Option<Vec<String>> {
    let mut parts = pattern.split("{}").peekable();
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut figures = Vec::new();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let (figure, behind) = if last { (rest.strip_suffix(part)?, "") } else { rest.split_once(part)? };
        if figure.is_empty() || figure.contains(' ') {
            return None;
        }
        figures.push(figure.to_owned());
        rest = behind;
    }
    rest.is_empty().then_some(figures)
}

macro_rules! sentences {
    ($($name:ident $code:literal: $en:literal $ja:literal;)+) => {
        /// A sentence of a detector.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Sentence {
            $(#[doc = $en] $name,)+
        }

        impl Sentence {
            /// Every sentence.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Code, English and Japanese.
            const fn row(self) -> (&'static str, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($code, $en, $ja),)+
                }
            }
        }
    };
}

impl Sentence {
    /// Its code in JSON: it stays when the words change.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The text of a finding: without figures.
    pub fn text(self) -> String {
        self.with(&[])
    }

    /// The text of a finding, with its figures.
    pub fn with(self, figures: &[String]) -> String {
        Said { sentence: self, figures: figures.to_vec() }.english()
    }
}

// Patterns have `{}` for a figure in English and its place among them, `{0}`, in Japanese.
sentences! {
    // How strong it is.
    RateInASecond "rate": "{} packets/s and {} bit/s in a second, {} times the threshold of {} packets/s"
        "1 秒間に {0} packets/s・{1} bit/s を観測した（しきい値 {3} packets/s の {2} 倍）";
    RateInASecondOrBits "rate-or-bits":
        "{} packets/s and {} bit/s in a second, {} times the threshold of {} packets/s or {} bit/s"
        "1 秒間に {0} packets/s・{1} bit/s を観測した（しきい値 {3} packets/s または {4} bit/s の {2} 倍）";
    RateOverSeconds "rate-over-seconds":
        "{} packets/s and {} bit/s over {} seconds, {} times the threshold of {} packets/s"
        "{2} 秒間の平均で {0} packets/s・{1} bit/s を観測した（しきい値 {4} packets/s の {3} 倍）";
    RateOverSecondsOrBits "rate-over-seconds-or-bits":
        "{} packets/s and {} bit/s over {} seconds, {} times the threshold of {} packets/s or {} bit/s"
        "{2} 秒間の平均で {0} packets/s・{1} bit/s を観測した（しきい値 {4} packets/s または {5} bit/s の {3} 倍）";
    WarmingUp "warming-up": "such traffic is usual for the target: too little of it has been seen yet"
        "この程度の通信が対象にとって平常である場合（学習期間が不足しており、判別できない）";
    BeganEarlier "began-earlier":
        "it began earlier: flows that had lasted longer than {} s tell of it, and no more of their time is looked at"
        "実際の開始がこれより早い場合（{0} 秒を超えて続いたフローが含まれ、それより前の時間は集計していない）";
    LongFlows "long-flows":
        "its exporters tell of flows up to {} s after they began, where an active timeout of {} s is configured"
        "エクスポーターはフローを開始から最長 {0} 秒後に通知している（設定上のアクティブタイムアウトは {1} 秒）";
    Sampled "sampled": "packets are sampled, one in {}; {} sampled packets tell of it"
        "サンプリングによる推定値（{0} パケットに 1 個、根拠となった標本は {1} 個）";
    FewSamples "few-samples": "only {} sampled packets tell of it"
        "根拠となった標本が {0} 個しかない";
    WrongSampling "wrong-sampling": "the sampling rate that the exporter tells is not the one it uses"
        "エクスポーターの通知するサンプリングレートが実際と異なる場合";

    // A prefix.
    HitAlike "hit-alike": "about {} addresses of one prefix are hit alike and none answers"
        "同一プレフィックス内の約 {0} アドレスに一様に届いており、いずれも応答していない";
    SendsToAll "sends-to-all": "a service of the customer sends to all of its addresses on purpose"
        "顧客自身のサービスが、保有する全アドレスへ意図して送信している場合";

    // TCP flags.
    NoStack "no-stack": "no TCP stack sends such flags"
        "このようなフラグを送る TCP 実装は存在しない";
    InvalidFlags "invalid-flags": "TCP flags that no stack sends"
        "正規の TCP 実装が送ることのないフラグの組み合わせ";
    FlagsToldWrongly "flags-told-wrongly": "the exporter reports flags of TCP wrongly"
        "エクスポーターの通知する TCP フラグが誤っている場合";

    // ICMP.
    IcmpUnasked "icmp-unasked": "ICMP that the target did not ask for"
        "対象が要求していない ICMP";
    IcmpNoOtherUse "icmp-no-other-use": "so much ICMP has hardly another use"
        "この量の ICMP が正当な用途で流れることはまずない";
    Measurement "measurement": "a measurement of the network sends it on purpose"
        "網の測定として意図的に送信されている場合";

    // Fragments and answers of services.
    FragmentsOfService "fragments-of-service": "fragments together with UDP from port {} ({})"
        "UDP ポート {0}（{1}）からの応答に伴うフラグメント";
    AnswersInFragments "answers-in-fragments":
        "answers of a service that the target did not ask, most of them in fragments"
        "対象が問い合わせていないサービスからの応答であり、大半がフラグメント化されている";
    FragmentsWithoutPorts "fragments-without-ports": "fragments without ports"
        "ポート番号を持たない後続フラグメント";
    LargeDatagramsUnasked "large-datagrams-unasked":
        "fragments of this number belong to large datagrams that the target did not ask for"
        "この量のフラグメントは、対象が要求していない大きなデータグラムに由来する";
    PathTooNarrow "path-too-narrow": "a tunnel or a file service of the target uses packets too long for the path"
        "対象のトンネルまたはファイルサービスが、経路の MTU を超えるパケットを使用している場合";
    UnseenQuestions "unseen-questions": "the target asks these servers by a way that no exporter sees"
        "対象からこれらのサーバーへの問い合わせが、エクスポーターのない経路を通っている場合";
    FromService "from-service": "UDP from port {} ({}), {} octets a packet, from about {} sources"
        "UDP ポート {0}（{1}）を送信元とする 1 パケット平均 {2} オクテットの通信、送信元は約 {3} アドレス";
    AnswersUnasked "answers-unasked": "answers of a service that the target did not ask"
        "対象が問い合わせていないサービスからの応答である";
    AnswersMaybeUnasked "answers-maybe-unasked":
        "answers of a service; whether the target asked is not visible here"
        "サービスからの応答である。対象が問い合わせたかどうかは、ここの記録からは分からない";
    OneSourcePort "one-source-port":
        "{} % of the packets come from one port of about {} sources, {} octets each"
        "パケットの {0} % が約 {1} アドレスの同一送信元ポートから届いている（1 パケット平均 {2} オクテット）";
    ReflectedShape "reflected-shape": "it has the shape of reflected answers"
        "リフレクション攻撃による応答の特徴を備えている";
    MeantToSend "meant-to-send": "a service that uses this port is meant to send to the target"
        "このポートを使うサービスが、対象への送信を本来の目的としている場合";

    // UDP and other protocols.
    UdpAnswered "udp-answered": "UDP from about {} sources, answered to {} %"
        "約 {0} アドレスからの UDP（対象が応答した割合 {1} %）";
    AnswersNoneFar "answers-none-far":
        "the target answers none of it, at twice the threshold and more"
        "対象は一切応答しておらず、しきい値の 2 倍以上に達している";
    AnswersHardlyAny "answers-hardly-any": "the target answers hardly any of it"
        "対象はほとんど応答していない";
    FarAnswersUnseen "far-answers-unseen":
        "far over the threshold; whether the target answers is not visible here"
        "しきい値を大幅に超えている。対象が応答したかどうかは、ここの記録からは分からない";
    AnswersUnseen "answers-unseen": "whether the target answers is not visible here"
        "対象が応答したかどうかは、ここの記録からは分からない";
    Streams "streams": "the target receives streams that need no answer"
        "応答を要しないストリームを対象が受信している場合";
    UnseenAnswers "unseen-answers": "answers take a way that no exporter sees"
        "応答が、エクスポーターのない経路を通っている場合";
    NeitherProtocol "neither-protocol": "neither TCP, UDP nor ICMP"
        "TCP・UDP・ICMP のいずれでもないプロトコル";
    UnusualProtocol "unusual-protocol": "an unusual protocol of IP at this rate"
        "この速度では通常用いられない IP プロトコルである";
    TunnelEnd "tunnel-end": "a tunnel ends at the target"
        "対象がトンネルの終端である場合";

    // SYN.
    SynPart "syn-part": "SYN packets are {} % of the TCP packets of its connections"
        "対象宛ての TCP 接続に属するパケットの {0} % が SYN である";
    SynUnmade "syn-unmade": "{} % of what begins with SYN never becomes a connection"
        "SYN で始まったもののうち {0} % は接続が確立していない";
    BegunNotMade "begun-not-made": "connections are begun and not made"
        "接続が開始されるだけで確立していない";
    ServiceWentAway "service-went-away": "the target's service went away and its many clients try again"
        "対象のサービスが停止し、多数のクライアントが再接続を試みている場合";
    FirstPacketAlone "first-packet-alone":
        "the exporter sends a connection's first packet as a flow of its own"
        "エクスポーターが接続の最初のパケットを独立したフローとして通知している場合";

    // ACK, and what belongs to no connection.
    AckStray "ack-stray": "ACK packets of {} % single flows, answered to {} %"
        "ACK パケット（単発フローの割合 {0} %、対象が応答した割合 {1} %）";
    AckWithoutConnection "ack-without-connection": "ACK packets that belong to no connection"
        "どの接続にも属さない ACK パケットである";
    TargetAnswersUnseen "target-answers-unseen": "the target's answers take a way that no exporter sees"
        "対象からの応答が、エクスポーターのない経路を通っている場合";
    SynAckUnasked "syn-ack-unasked": "SYN with ACK that answers no SYN of the target"
        "対象の SYN に対応しない SYN/ACK";
    ServersAnswer "servers-answer": "servers answer whom somebody else named"
        "第三者が対象のアドレスを騙って送った SYN に、サーバーが応答している";
    RstWithoutConnection "rst-without-connection": "RST without a connection"
        "接続の存在しない RST";
    NotSoManyRefused "not-so-many-refused": "so many connections of the target cannot have been refused"
        "対象の接続がこれほど多く拒否されたとは考えられない";
    FinWithoutConnection "fin-without-connection": "FIN without a connection"
        "接続の存在しない FIN";
    NotSoManyEnded "not-so-many-ended": "so many connections of the target cannot have ended"
        "対象の接続がこれほど多く終了したとは考えられない";
    TargetSentUnseen "target-sent-unseen": "what the target sent takes a way that no exporter sees"
        "対象からの送信が、エクスポーターのない経路を通っている場合";

    // Connections.
    ConnectionsEach "connections-each": "{} connections from about {} sources, {} each, {} octets each"
        "約 {1} アドレスから {0} 接続（1 アドレスあたり {2} 接続、1 接続あたり {3} オクテット）";
    MoreThanAPerson "more-than-a-person":
        "each source makes more connections than a person would, and each carries little"
        "送信元ごとの接続数が人の操作では考えにくい多さで、各接続の通信量はわずかである";
    MadeNotUsed "made-not-used": "connections are made and not used"
        "接続が確立されるだけで使われていない";
    SmallAndAlike "small-and-alike": "all connections are small and alike"
        "どの接続も小さく、互いによく似ている";
    SharedAddress "shared-address": "a proxy or a shared address stands before many people"
        "送信元がプロキシーまたは共有アドレスであり、背後に多数の利用者がいる場合";
    LoadTest "load-test": "a test of the service's strength runs on purpose"
        "サービスの負荷試験が意図的に行われている場合";
    HeldOpen "held-open": "about {} connections stay open with hardly any traffic, {} of each source"
        "ほとんど通信のないまま約 {0} 接続が維持されている（1 アドレスあたり {1} 接続）";
    AsksForNews "asks-for-news": "people behind one address keep a page open that asks for news"
        "同一アドレスを共有する利用者が、更新を待ち受けるページを開いたままにしている場合";
    FewHoldMany "few-hold-many": "few sources hold many connections that carry next to nothing"
        "少数の送信元が、ほとんど通信のない接続を多数維持している";

    // Scans.
    TelnetAsked "telnet-asked":
        "{} % of {} connection attempts in {} s go to telnet (ports 23 and 2323) on about {} addresses, and none is made"
        "{2} 秒間の接続試行 {1} 回のうち {0} % が約 {3} アドレスの telnet（ポート 23・2323）宛てで、いずれも確立していない";
    PortsAsked "ports-asked": "about {} ports of about {} addresses were asked in {} s"
        "{2} 秒間に約 {1} アドレスの約 {0} ポートへ接続を試みた";
    HostsAsked "hosts-asked":
        "about {} addresses were asked for about {} ports in {} s, without a connection"
        "{2} 秒間に約 {0} アドレスの約 {1} ポートへ接続を試み、いずれも確立していない";
    InVain "in-vain": "no program of a person asks so many in vain"
        "利用者の通常のプログラムが、これほど多数へ接続を試みて失敗し続けることはない";
    RarelyInVain "rarely-in-vain": "so many addresses are rarely asked in vain by anything else"
        "スキャン以外で、これほど多数のアドレスへの接続が失敗し続けることはまれである";
    Inventory "inventory": "a monitoring or inventory system runs there with leave"
        "監視または資産管理のシステムが許可を得て動作している場合";
    WrittenByOthers "written-by-others": "somebody else writes this address into the packets"
        "第三者がこのアドレスを送信元に詐称している場合";

    // Whether sources can be believed.
    Bogons "bogons": "{} % of the packets come from addresses that nobody has in the public Internet"
        "パケットの {0} % は、インターネット上で割り当てのないアドレス（bogon）を送信元としている";
    OwnFromOutside "own-from-outside":
        "{} % of the packets come from own addresses, by an interface to another network"
        "パケットの {0} % は、自網のアドレスを送信元としながら他網側のインターフェースから流入している";
    NoWayBack "no-way-back":
        "{} % of the packets came in where the routing table has no way back to them"
        "パケットの {0} % は、経路表上その送信元への戻り経路がないインターフェースから流入している";
    DrawnEvenly "drawn-evenly":
        "{} flows come from about {} addresses, spread over the whole address space as by a random number generator"
        "{0} フローの送信元約 {1} アドレスが、乱数で生成したようにアドレス空間全体へ一様に分布している";
    Handshakes "handshakes": "the senders completed TCP handshakes, which needs the answers to reach them"
        "送信元は TCP ハンドシェイクを完了しており、応答を実際に受け取っている";
    Reflectors "reflectors":
        "the packets are answers of servers ({}); whoever asked in the target's name is not among them"
        "パケットはサーバー（{0}）からの応答であり、対象を騙って問い合わせた者はこの中に含まれない";
    NothingSpeaks "nothing-speaks":
        "no answer, no connection and no way in speaks for or against the addresses"
        "応答・接続・流入経路のいずれからも、送信元の真偽を裏付ける、または否定する材料が得られない";
    NothingSpeaksOfOthers "nothing-speaks-of-others":
        "no answer, no connection and no way in speaks for or against the other addresses"
        "それ以外の送信元については、応答・接続・流入経路のいずれからも真偽を判断する材料が得られない";
    CameInWhereTheyMay "came-in-where-they-may": "{} % came in where they may"
        "{0} % は、経路表上あり得るインターフェースから流入している";

    // Who is hit besides.
    RouterHit "router-hit": "a router gets the same kind of packets"
        "ルーターに同種のパケットが届いている";
    NeighbourHit "neighbour-hit": "a neighbouring address gets the same kind of packets"
        "隣接するアドレスに同種のパケットが届いている";

    // What became of it.
    PartOf "part-of": "it is no incident of its own: it is a part of {}"
        "独立した事案ではない（事案 {0} の一部である）";
    EndNotSeen "end-not-seen":
        "its end is not known: the desk was restarted while it went on, and did not see it again"
        "終了時刻が不明である（継続中にシステムが再起動し、その後は観測されなかった）";
}
