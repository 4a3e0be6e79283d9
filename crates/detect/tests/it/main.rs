//! Scenes: what comes in over time, and what must be found, or must not. Each file of `scenes/` is one.
//!
//! A scene says nothing of the inside of the detector: it would hold if that were replaced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod rehearsal;
mod scene;

use scene::check;

macro_rules! scenes {
    ($($name:ident,)+) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })+

        #[test]
        fn every_scene_is_played() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes");
            let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            let mut played = vec![$(concat!(stringify!($name), ".scene").to_owned(),)+ "README.md".to_owned()];
            played.sort();
            assert_eq!(names, played);
        }
    };
}

scenes! {
    a_fifth_over,
    ack_flood,
    backup,
    beyond_what_is_kept,
    carpet,
    carpet_below_the_prefix,
    carpet_ipv6,
    cgn_pool,
    connection_flood,
    dns_reflection,
    flash_crowd,
    flash_crowd_sampled,
    fragments,
    get_flood,
    get_flood_long,
    icmp_ipv6,
    lab_carpet_bomb,
    lab_dns_amplification,
    lab_host_sweep,
    lab_http_get_flood,
    lab_icmp_flood,
    lab_memcached_amplification,
    lab_mirai_scan,
    lab_normal_only,
    lab_port_scan,
    lab_slow_http,
    lab_syn_flood_fixed,
    lab_syn_flood_spoofed,
    lab_target_shift,
    lab_tcp_connect_flood,
    lab_telnet_bruteforce,
    lab_udp_flood,
    late_evidence,
    long_flows,
    long_flows_staggered,
    never_cut,
    outgoing,
    own_from_outside,
    reflection_by_shape,
    reflection_ipv6,
    reflections,
    resolver,
    shift,
    speed_test,
    syn,
    syn_ipv6,
    syn_sampled,
    telnet_scan,
    ten_times,
    told_once_a_minute,
    twice,
    two_attacks,
    two_edges,
    two_routers,
}
