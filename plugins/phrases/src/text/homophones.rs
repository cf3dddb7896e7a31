//! Compounds that recognisers write with homophones or near-homophones (工座模式, 构件日制). Rule: a compound is corrected if
//! every character sounds like the intended one and at least one is the intended one; a word with a meaning of its own
//! (回忆, 人物) is kept.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Objects of commands with three characters or more: matches this long rarely occur by chance.
#[rustfmt::skip]
const COMPOUNDS: &[&str] = &[
    "会议模式", "工作模式", "编程模式", "聊天模式", "会议记录", "会议纪要", "会议录音", "任务列表", "任务看板", "任务清单", "任务面板", "待办清单", "待办事项", "待办列表", "待办任务", "构建日志", "编译日志", "构建状态", "编程模式",
];
/// Classes of characters that sound alike or nearly alike: -n and -ng, s- and sh-, l- and n-.
#[rustfmt::skip]
const HOMOPHONE_CLASSES: &[&str] = &[
    "会回汇惠慧绘辉灰挥毁悔恢晦贿秽卉徽烩", "议意义艺译易忆一以宜移疑仪医衣姨亿益依已异翼谊毅亦伊椅", "模摸磨魔莫末默膜墨抹", "式是试事室市势世示视识使适士失师时十实石食史始诗狮湿四思司死私丝斯氏",
    "工公功攻弓宫供恭共贡", "作做坐座左昨", "编变边遍便辨鞭", "程成城称承诚乘呈橙陈沉臣辰层", "记计纪继机季既几及级即急极己寄集", "录路陆露鹿炉卢", "要药腰耀妖邀", "任人认仁忍刃仍", "务物误无五午舞屋雾武悟勿", "列烈裂劣猎", "表标彪", "看砍刊侃堪勘坎",
    "板版班搬般半办伴拌", "清轻青情请庆", "单担丹但蛋淡", "待代带呆袋贷戴歹", "项向像象相香想享箱乡", "构够购沟狗勾苟", "建件见间健剑键检简减尖坚", "日", "志制治质置智值直知之指只纸至致", "音因阴引印银饮英影应营赢", "聊了疗辽寥料", "天田填甜添", "面免棉眠", "状壮装撞庄", "态太泰台抬",
];
/// Words with another meaning, which are never corrected.
const REAL_WORDS: [&str; 6] = ["回忆", "人物", "惠及", "一时", "只是", "以及"];

/// The homophone class of each listed character.
static CLASS_OF: LazyLock<BTreeMap<char, usize>> = LazyLock::new(|| {
    let letters = HOMOPHONE_CLASSES.iter().enumerate();
    letters.flat_map(|(class, alike)| alike.chars().map(move |letter| (letter, class))).collect()
});

/// Replaces misrecognised compounds by the intended ones.
pub fn fix_homophones(words: String) -> String {
    let letters: Vec<char> = words.chars().collect();
    let classes: Vec<Option<&usize>> = letters.iter().map(|letter| CLASS_OF.get(letter)).collect();
    // Fast path: few utterances contain four such characters in a row.
    if !classes.windows(4).any(|window| window.iter().all(Option::is_some)) {
        return words;
    }
    let mut intended = letters.clone();
    for compound in COMPOUNDS {
        let compound_chars: Vec<char> = compound.chars().collect();
        for at in 0..(letters.len() + 1).saturating_sub(compound_chars.len()) {
            let transcribed = &letters[at..at + compound_chars.len()];
            let sounds_alike =
                compound_chars.iter().zip(&classes[at..]).all(|(wanted, class)| CLASS_OF.get(wanted) == *class);
            let shares_a_char = || transcribed.iter().zip(&compound_chars).any(|(written, wanted)| written == wanted);
            let is_real_word = || {
                let text: String = transcribed.iter().collect();
                REAL_WORDS.iter().any(|word| text.contains(word))
            };
            if sounds_alike && transcribed != compound_chars && shares_a_char() && !is_real_word() {
                intended[at..at + compound_chars.len()].copy_from_slice(&compound_chars);
            }
        }
    }
    if intended == letters { words } else { intended.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_compounds_are_heard_by_their_sound() {
        for (transcribed, intended) in [
            ("打开公坐模式", "打开工作模式"),
            ("看看够件日志", "看看构建日志"),
            ("会议既药", "会议纪要"),
            ("切到变成模是", "切到编程模式"),
            ("认物列表", "任务列表"),
            ("回忆模式", "回忆模式"),
            ("人物列表", "人物列表"),
            ("开始回忆", "开始回忆"),
        ] {
            assert_eq!(fix_homophones(transcribed.to_owned()), intended, "{transcribed}");
        }
    }
}
