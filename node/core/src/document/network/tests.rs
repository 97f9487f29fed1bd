use super::*;
use proptest::prelude::*;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn opens(network: &str, to: &str) -> bool {
    Network { cidr: cidr(network), zone: String::new(), memberships: 1 }.opens(&address(to))
}

#[test]
fn ranges_contain_what_begins_so() {
    for (range, inside, outside) in [
        (
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
            &["11.0.0.0", "9.255.255.255"][..],
        ),
        ("10.1.2.3/32", &["10.1.2.3"], &["10.1.2.2", "10.1.2.4"]),
        ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "2001:db8::1"]),
        ("192.168.128.0/17", &["192.168.128.1", "192.168.255.1"], &["192.168.127.255"]),
        ("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "10.0.0.1"]),
        ("::/0", &["::", "ffff::"], &["10.0.0.1", "::ffff:10.0.0.1"]),
        ("2001:db8::1/128", &["2001:db8::1"], &["2001:db8::2"]),
    ] {
        for text in inside {
            assert!(cidr(range).contains(&address(text)), "{range} {text}");
        }
        for text in outside {
            assert!(!cidr(range).contains(&address(text)), "{range} {text}");
        }
    }
}

#[test]
fn what_is_no_range_is_refused_with_words() {
    let form = "not a network like 10.0.0.0/8 or 2001:db8::/32";
    for (text, words) in [
        ("", form),
        ("10.0.0.0", form),
        ("10.0.0.0/", form),
        ("10.0.0.0/+8", form),
        ("10.0.0.0/8/8", form),
        ("10.0.0/8", form),
        ("10.0.0.0/256", form),
        ("host/8", form),
        (" 10.0.0.0/8", form),
        ("10.0.0.0/33", "a prefix of 33 is longer than the 32 bits of such an address"),
        ("::/129", "a prefix of 129 is longer than the 128 bits of such an address"),
        ("10.0.0.1/8", "10.0.0.1/8 has bits set behind its prefix: did you mean 10.0.0.0/8?"),
        ("2001:db8::1/64", "2001:db8::1/64 has bits set behind its prefix: did you mean 2001:db8::/64?"),
        ("::ffff:10.0.0.0/104", "IPv4 in an IPv6 form: write the network as an IPv4 one"),
    ] {
        assert_eq!(text.parse::<Cidr>().unwrap_err().to_string(), words, "{text}");
    }
}

#[test]
fn ranges_lie_in_wider_ones() {
    assert!(cidr("10.1.0.0/16").lies_in(&cidr("10.0.0.0/8")));
    assert!(cidr("10.0.0.0/8").lies_in(&cidr("10.0.0.0/8")));
    assert!(!cidr("10.0.0.0/8").lies_in(&cidr("10.1.0.0/16")));
    assert!(!cidr("11.0.0.0/16").lies_in(&cidr("10.0.0.0/8")));
    assert!(!cidr("10.0.0.0/8").lies_in(&cidr("::/0")));
}

#[test]
fn dial_metadata_address() {
    for special in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fe80::a9fe:a9fe",
        "fd00:ec2::254",
        "fd20:ce::254",
    ] {
        let wide = ["0.0.0.0/0", "::/0", "169.254.0.0/16", "fe80::/10", "fd00::/8", "100.64.0.0/10"];
        assert!(wide.iter().all(|network| !opens(network, special)), "{special}");
    }
    assert!(opens("169.254.169.254/32", "169.254.169.254"));
    assert!(opens("fd00:ec2::254/128", "fd00:ec2::254"));
}

#[test]
fn special_addresses_are_opened_only_on_purpose() {
    for (special, named) in [
        ("127.0.0.1", "127.0.0.0/8"),
        ("::ffff:127.0.0.1", "127.0.0.1/32"),
        ("0.0.0.0", "0.0.0.0/32"),
        ("169.254.7.7", "169.254.0.0/16"),
        ("224.0.0.1", "224.0.0.0/4"),
        ("255.255.255.255", "255.255.255.255/32"),
        ("::1", "::1/128"),
        ("::", "::/128"),
        ("fe80::1", "fe80::/64"),
        ("ff02::1", "ff00::/8"),
    ] {
        assert!(!opens("0.0.0.0/0", special) && !opens("::/0", special), "{special}");
        assert!(!opens("0.0.0.0/1", special) && !opens("128.0.0.0/1", special), "{special}");
        assert!(opens(named, special), "{special} {named}");
    }
}

#[test]
fn ordinary_addresses_are_opened_by_any_network_around_them() {
    for (network, inside, outside) in [
        ("10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
        ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
        ("::/0", "fd12::1", "8.8.8.8"),
    ] {
        assert!(opens(network, inside), "{network} {inside}");
        assert!(!opens(network, outside), "{network} {outside}");
    }
}

proptest! {
    #[test]
    fn text_round_trip(bits: u128, prefix in 0u8..=128, v4: bool) {
        let cidr = if v4 {
            let prefix = prefix.min(32);
            let base = Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap());
            Cidr::new(IpAddr::V4(masked_v4(base, prefix)), prefix)
        } else {
            Cidr::new(IpAddr::V6(masked_v6(Ipv6Addr::from_bits(bits), prefix)), prefix)
        };
        prop_assume!(cidr.base == cidr.base.to_canonical());
        prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
        prop_assert!(cidr.contains(&cidr.base) && cidr.lies_in(&cidr));
        let json = serde_json::to_string(&cidr).unwrap();
        prop_assert_eq!(serde_json::from_str::<Cidr>(&json).unwrap(), cidr);
    }

    #[test]
    fn the_bit_before_the_end_of_the_prefix_decides(bits: u32, prefix in 1u8..=32) {
        let range = Cidr::new(IpAddr::V4(masked_v4(Ipv4Addr::from_bits(bits), prefix)), prefix);
        let last = 1u32 << (32 - u32::from(prefix));
        prop_assert!(range.contains(&IpAddr::V4(Ipv4Addr::from_bits(bits))));
        prop_assert!(!range.contains(&IpAddr::V4(Ipv4Addr::from_bits(bits ^ last))));
        prop_assert!(range.contains(&IpAddr::V4(Ipv4Addr::from_bits(bits ^ (last >> 1)))));
    }

    #[test]
    fn no_text_panics(text in "[0-9a-f:./]{0,30}") {
        let _ = text.parse::<Cidr>();
    }
}
