//! The colours of IRC: sixteen that every client shows, eighty-three more that most do, and any other
//! as six hexadecimal digits (<https://modern.ircdocs.horse/formatting#colors>).

/// Values of the colours 0 to 98.
const COLOURS: [u32; 99] = [
    0xff_ff_ff, 0x00_00_00, 0x00_00_7f, 0x00_93_00, 0xff_00_00, 0x7f_00_00, 0x9c_00_9c, 0xfc_7f_00,
    0xff_ff_00, 0x00_fc_00, 0x00_93_93, 0x00_ff_ff, 0x00_00_fc, 0xff_00_ff, 0x7f_7f_7f, 0xd2_d2_d2,
    0x47_00_00, 0x47_21_00, 0x47_47_00, 0x32_47_00, 0x00_47_00, 0x00_47_2c, 0x00_47_47, 0x00_27_47,
    0x00_00_47, 0x2e_00_47, 0x47_00_47, 0x47_00_2a, 0x74_00_00, 0x74_3a_00, 0x74_74_00, 0x51_74_00,
    0x00_74_00, 0x00_74_49, 0x00_74_74, 0x00_40_74, 0x00_00_74, 0x4b_00_74, 0x74_00_74, 0x74_00_45,
    0xb5_00_00, 0xb5_63_00, 0xb5_b5_00, 0x7d_b5_00, 0x00_b5_00, 0x00_b5_71, 0x00_b5_b5, 0x00_63_b5,
    0x00_00_b5, 0x75_00_b5, 0xb5_00_b5, 0xb5_00_6b, 0xff_00_00, 0xff_8c_00, 0xff_ff_00, 0xb2_ff_00,
    0x00_ff_00, 0x00_ff_a0, 0x00_ff_ff, 0x00_8c_ff, 0x00_00_ff, 0xa5_00_ff, 0xff_00_ff, 0xff_00_98,
    0xff_59_59, 0xff_b4_59, 0xff_ff_71, 0xcf_ff_60, 0x6f_ff_6f, 0x65_ff_c9, 0x6d_ff_ff, 0x59_b4_ff,
    0x59_59_ff, 0xc4_59_ff, 0xff_66_ff, 0xff_59_bc, 0xff_9c_9c, 0xff_d3_9c, 0xff_ff_9c, 0xe2_ff_9c,
    0x9c_ff_9c, 0x9c_ff_db, 0x9c_ff_ff, 0x9c_d3_ff, 0x9c_9c_ff, 0xdc_9c_ff, 0xff_9c_ff, 0xff_94_d3,
    0x00_00_00, 0x13_13_13, 0x28_28_28, 0x36_36_36, 0x4d_4d_4d, 0x65_65_65, 0x81_81_81, 0x9f_9f_9f,
    0xbc_bc_bc, 0xe2_e2_e2, 0xff_ff_ff,
];

/// Names that HTML knows for colours of the palette.
const NAMES: [(&str, u8); 20] = [
    ("white", 0),
    ("black", 1),
    ("navy", 2),
    ("green", 3),
    ("red", 4),
    ("maroon", 5),
    ("brown", 5),
    ("purple", 6),
    ("orange", 7),
    ("olive", 18),
    ("yellow", 8),
    ("lime", 9),
    ("teal", 10),
    ("aqua", 11),
    ("cyan", 11),
    ("blue", 12),
    ("fuchsia", 13),
    ("magenta", 13),
    ("gray", 14),
    ("silver", 15),
];

/// Returns the value of a colour of the palette; 99 and what is beyond is "the default".
pub(super) fn value_of(number: u8) -> Option<u32> {
    COLOURS.get(usize::from(number)).copied()
}

/// Returns the palette's number of a colour by name, or of the one nearest to `#rrggbb` or `#rgb`.
/// Of equal ones the lowest is meant: every client knows it.
pub(super) fn nearest(colour: &str) -> Option<u8> {
    let lower = colour.trim().to_ascii_lowercase();
    if let Some((_, number)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*number);
    }
    let digits = lower.strip_prefix('#')?;
    let wanted = match digits.len() {
        6 => u32::from_str_radix(digits, 16).ok()?,
        3 => {
            let doubled: String = digits.chars().flat_map(|digit| [digit, digit]).collect();
            u32::from_str_radix(&doubled, 16).ok()?
        }
        _ => return None,
    };
    (0_u8..).zip(COLOURS).min_by_key(|(_, value)| distance(*value, wanted)).map(|(n, _)| n)
}

fn distance(one: u32, other: u32) -> u32 {
    let part = |value: u32, byte: u32| (value >> (8 * byte)) & 0xff;
    (0..3).map(|byte| part(one, byte).abs_diff(part(other, byte)).pow(2)).sum()
}
