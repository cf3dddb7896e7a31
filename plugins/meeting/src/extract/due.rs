//! Finds due dates. Rule: they are quoted as they were said; a mode does not know the calendar of the participants, so
//! "Friday" is not resolved.

const DAYS: [&str; 34] = [
    "今天下班前",
    "今天",
    "今晚",
    "明天",
    "后天",
    "大后天",
    "本周内",
    "这周内",
    "下周内",
    "本月底",
    "这个月底",
    "下个月底",
    "月底",
    "月初",
    "下个月",
    "下月",
    "年底",
    "季度末",
    "周末",
    "周一",
    "周二",
    "周三",
    "周四",
    "周五",
    "周六",
    "周日",
    "星期一",
    "星期二",
    "星期三",
    "星期四",
    "星期五",
    "星期六",
    "星期日",
    "国庆",
];
/// Things that have numbers with 号, which is then no date.
const NUMBERED: [&str; 24] = [
    "楼",
    "馆",
    "厅",
    "室",
    "会议室",
    "房",
    "院",
    "库房",
    "仓",
    "厂",
    "店",
    "门",
    "口",
    "出口",
    "线",
    "机器",
    "机房",
    "桌",
    "柜",
    "码",
    "服务器",
    "产线",
    "工单",
    "议案",
];
const WEEKS: [&str; 5] = ["下下", "下个", "本", "这", "下"];
const PARTS: [&str; 6] = ["上午", "中午", "下午", "晚上", "早上", "下班"];
const BEFORE: [&str; 5] = ["之前", "以前", "前", "内", "之内"];

const ENGLISH_DAYS: [&str; 26] = [
    "end of the week",
    "end of the month",
    "end of the quarter",
    "end of the day",
    "end of this week",
    "end of week",
    "end of month",
    "end of day",
    "end of next week",
    "next week",
    "next month",
    "this week",
    "this afternoon",
    "tomorrow morning",
    "tomorrow",
    "tonight",
    "today",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "eod",
    "eow",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const LEADS: [&str; 6] = ["no later than ", "by next ", "by the ", "by ", "before ", "until "];

/// The due date in the sentence, in its own words.
pub fn find(text: &str) -> Option<String> {
    find_chinese(text).or_else(|| find_english(text))
}

fn find_chinese(text: &str) -> Option<String> {
    let (start, mut end) = chinese_date(text).or_else(|| chinese_day(text))?;
    for words in [&PARTS[..], &BEFORE[..]] {
        let behind = &text[end..];
        if let Some(word) = words.iter().find(|word| behind.starts_with(**word)) {
            // In `前提是`, `前` is part of another word.
            if !(*word == "前" && behind.starts_with("前提是")) {
                end += word.len();
            }
        }
    }
    Some(text[start..end].to_owned())
}

/// A named day, with the week before it.
fn chinese_day(text: &str) -> Option<(usize, usize)> {
    // The earliest match; of several at the same position the longest.
    let found = DAYS.iter().filter_map(|day| text.find(day).map(|at| (at, at + day.len())));
    let (start, end) = found.min_by_key(|(start, end)| (*start, usize::MAX - end))?;
    let front = WEEKS.iter().find(|week| text[..start].ends_with(**week)).map_or(0, |week| week.len());
    Some((start - front, end))
}

/// A date such as `3月15日` or `15号`. `三号楼` and `第3号` are no dates, but numbers of things.
fn chinese_date(text: &str) -> Option<(usize, usize)> {
    for (at, mark) in text.match_indices(['日', '号']) {
        let (start, end) = (digits_before(text, at), at + mark.len());
        if !number(&text[start..at]).is_some_and(|day| (1..=31).contains(&day)) {
            continue;
        }
        if text[..start].ends_with('月') {
            return Some((digits_before(text, start - '月'.len_utf8()), end));
        }
        let is_number = mark == "号" && NUMBERED.iter().any(|thing| text[end..].starts_with(thing));
        if !is_number && !text[..start].ends_with('第') {
            return Some((start, end));
        }
    }
    None
}

/// Start of the run of digits that ends at `end`; `end` if there is none.
fn digits_before(text: &str, end: usize) -> usize {
    let digits = text[..end].chars().rev().take_while(|letter| digit(*letter).is_some());
    end - digits.map(char::len_utf8).sum::<usize>()
}

/// The value of a run of digits: `15`, `十五` or `三十一`.
fn number(digits: &str) -> Option<u32> {
    let mut value: u32 = 0;
    for letter in digits.chars() {
        value = match digit(letter)? {
            10 => value.max(1).checked_mul(10)?,
            // Behind 十 the place is free.
            digit if digits.contains('十') => value.checked_add(digit)?,
            digit => value.checked_mul(10)?.checked_add(digit)?,
        };
    }
    (!digits.is_empty()).then_some(value)
}

fn digit(letter: char) -> Option<u32> {
    match letter {
        '0'..='9' => letter.to_digit(10),
        '０'..='９' => Some(u32::from(letter) - u32::from('０')),
        _ => "零一二三四五六七八九十".chars().zip(0..).find(|(chinese, _)| *chinese == letter).map(|(_, value)| value),
    }
}

fn find_english(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let day = ENGLISH_DAYS.iter().filter_map(|day| word_at(&lower, day).map(|at| (at, at + day.len())));
    let month = MONTHS.iter().filter_map(|month| month_at(&lower, month));
    let (mut start, end) = day.chain(month).min_by_key(|(start, end)| (*start, usize::MAX - end))?;
    for front in ["next ", "this ", "the "] {
        if lower[..start].ends_with(front) {
            start -= front.len();
        }
    }
    if let Some(lead) = LEADS.iter().find(|lead| lower[..start].ends_with(**lead)) {
        start -= lead.len();
    }
    Some(text[start..end].to_owned())
}

/// A month followed by a day: `march 15`, `may 3rd`. `may` and `march` are mostly verbs, so each of them is looked at.
fn month_at(lower: &str, month: &str) -> Option<(usize, usize)> {
    words_at(lower, month).find_map(|at| {
        let behind = lower[at + month.len()..].strip_prefix(' ')?;
        let digits = behind.chars().take_while(char::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let ordinal = ["st", "nd", "rd", "th"].iter().any(|ending| behind[digits..].starts_with(ending));
        Some((at, at + month.len() + 1 + digits + if ordinal { 2 } else { 0 }))
    })
}

/// Position of the first occurrence as a whole word.
fn word_at(lower: &str, word: &str) -> Option<usize> {
    words_at(lower, word).next()
}

/// Positions of all occurrences as whole words.
fn words_at<'t>(lower: &'t str, word: &'t str) -> impl Iterator<Item = usize> {
    let is_letter = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    lower.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !is_letter(lower[..at].chars().next_back()) && !is_letter(lower[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn times_are_kept_as_they_were_said() {
        let cases = [
            ("请王芳下周五前提交报价", Some("下周五前")),
            ("我明天下午之前发出来", Some("明天下午之前")),
            ("3月15日之前上线", Some("3月15日之前")),
            ("月底前完成", Some("月底前")),
            ("尽快处理", None),
            ("三十一号前交", Some("三十一号前")),
            ("15号交付", Some("15号")),
            ("15号项目上线", Some("15号")),
            ("３月５号上线", Some("３月５号")),
            ("请把样品送到三号楼", None),
            ("三号楼的方案周五前交", Some("周五前")),
            ("2号线3月5号开通", Some("3月5号")),
            ("三号会议室明天要用", Some("明天")),
            ("第3号议案月底前表决", Some("月底前")),
            ("300号机器明天修", Some("明天")),
            ("给110号码回电话", None),
            ("Priya will write it by next Friday", Some("by next Friday")),
            ("I'll send it tomorrow morning", Some("tomorrow morning")),
            ("It must be done before the end of the month", Some("before the end of the month")),
            ("Ship it by March 15th please", Some("by March 15th")),
            ("We may ship 2 of them", None),
            ("The mayor said so", None),
            ("We may need it by May 15", Some("by May 15")),
            ("In March we march on, and ship by march 3rd", Some("by march 3rd")),
        ];
        for (text, due) in cases {
            assert_eq!(find(text).as_deref(), due, "{text}");
        }
    }
}
