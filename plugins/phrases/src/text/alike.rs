//! Compounds that recognisers write in other characters of the same sound, or nearly (工座模式, 构件日制). Rule: a compound
//! is put right where each of its characters sounds like the one that is meant and one of them at least is that; what
//! has a meaning of its own (回忆, 人物) stays.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What orders are about, in three characters or more: so much is seldom heard by chance.
#[rustfmt::skip]
const COMPOUNDS: &[&str] = &[
    "会议模式", "工作模式", "编程模式", "聊天模式", "会议记录", "会议纪要", "会议录音", "任务列表", "任务看板", "任务清单", "任务面板", "待办清单", "待办事项", "待办列表", "待办任务", "构建日志", "编译日志", "构建状态", "编程模式",
];
/// Characters that sound alike, or nearly: -n and -ng, s- and sh-, l- and n-.
#[rustfmt::skip]
const SOUNDS: &[&str] = &[
    "会回汇惠慧绘辉灰挥毁悔恢晦贿秽卉徽烩", "议意义艺译易忆一以宜移疑仪医衣姨亿益依已异翼谊毅亦伊椅", "模摸磨魔莫末默膜墨抹", "式是试事室市势世示视识使适士失师时十实石食史始诗狮湿四思司死私丝斯氏",
    "工公功攻弓宫供恭共贡", "作做坐座左昨", "编变边遍便辨鞭", "程成城称承诚乘呈橙陈沉臣辰层", "记计纪继机季既几及级即急极己寄集", "录路陆露鹿炉卢", "要药腰耀妖邀", "任人认仁忍刃仍", "务物误无五午舞屋雾武悟勿", "列烈裂劣猎", "表标彪", "看砍刊侃堪勘坎",
    "板版班搬般半办伴拌", "清轻青情请庆", "单担丹但蛋淡", "待代带呆袋贷戴歹", "项向像象相香想享箱乡", "构够购沟狗勾苟", "建件见间健剑键检简减尖坚", "日", "志制治质置智值直知之指只纸至致", "音因阴引印银饮英影应营赢", "聊了疗辽寥料", "天田填甜添", "面免棉眠", "状壮装撞庄", "态太泰台抬",
];
/// They mean something else.
const WORDS: [&str; 6] = ["回忆", "人物", "惠及", "一时", "只是", "以及"];

/// The sound of each character that has one here.
static BY_LETTER: LazyLock<BTreeMap<char, usize>> = LazyLock::new(|| {
    let letters = SOUNDS.iter().enumerate();
    letters.flat_map(|(sound, alike)| alike.chars().map(move |letter| (letter, sound))).collect()
});

/// With compounds as they are meant.
pub fn alike(words: String) -> String {
    let letters: Vec<char> = words.chars().collect();
    let sounds: Vec<Option<&usize>> = letters.iter().map(|letter| BY_LETTER.get(letter)).collect();
    // Most that is said has no four such characters together.
    if !sounds.windows(4).any(|window| window.iter().all(Option::is_some)) {
        return words;
    }
    let mut meant = letters.clone();
    for compound in COMPOUNDS {
        let wanted: Vec<char> = compound.chars().collect();
        for at in 0..(letters.len() + 1).saturating_sub(wanted.len()) {
            let heard = &letters[at..at + wanted.len()];
            let is_heard = wanted.iter().zip(&sounds[at..]).all(|(wanted, sound)| BY_LETTER.get(wanted) == *sound);
            let is_near = || heard.iter().zip(&wanted).any(|(heard, wanted)| heard == wanted);
            let is_word = || {
                let text: String = heard.iter().collect();
                WORDS.iter().any(|word| text.contains(word))
            };
            if is_heard && heard != wanted && is_near() && !is_word() {
                meant[at..at + wanted.len()].copy_from_slice(&wanted);
            }
        }
    }
    if meant == letters { words } else { meant.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_compounds_are_heard_by_their_sound() {
        for (heard, meant) in [
            ("打开公坐模式", "打开工作模式"),
            ("看看够件日志", "看看构建日志"),
            ("会议既药", "会议纪要"),
            ("切到变成模是", "切到编程模式"),
            ("认物列表", "任务列表"),
            ("回忆模式", "回忆模式"),
            ("人物列表", "人物列表"),
            ("开始回忆", "开始回忆"),
        ] {
            assert_eq!(alike(heard.to_owned()), meant, "{heard}");
        }
    }
}
