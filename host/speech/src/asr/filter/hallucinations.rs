//! Hallucinations of recognisers: trained on films, they write credits and thanks where there is silence. Rule: a
//! person may say any of it, so such a text is dropped only where the audio has hardly any voice.

use crate::limits;

use crate::vad::{Voice, duration};

/// Whether a text is a known hallucination, given the amount of voice in its audio.
pub(in super::super) fn is_hallucination(text: &str, voice: Voice) -> bool {
    if duration(voice.clear) >= limits::MIN_CLEAR_VOICE {
        return false;
    }
    let text: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // Short words take little time, so they are dropped only without any clear voice.
    if text.is_empty() {
        return false;
    }
    let is_known_word = || WORDS.split_whitespace().any(|word| word == repeated(&text));
    (voice.clear == 0 && is_known_word()) || CREDITS.split_whitespace().any(|credit| text.contains(credit))
}

/// The repeated word of a text that consists of nothing else, such as `you` in `youyouyou`; otherwise the text.
fn repeated(text: &str) -> &str {
    let repeats_only = |word: &&str| text.len().is_multiple_of(word.len()) && text.replace(*word, "").is_empty();
    WORDS.split_whitespace().find(repeats_only).unwrap_or(text)
}

/// Parts of film credits, thanks and invitations, as letters and digits only.
const CREDITS: &str = "amaraorg 字幕 明镜与点点 明鏡與點點 不吝点赞 不吝點贊 点赞订阅 點贊訂閱 订阅转发 訂閱轉發 打赏支持 打賞支持
    订阅我的频道 訂閱我的頻道 一键三连 谢谢观看 謝謝觀看 感谢观看 感謝觀看 谢谢收看 謝謝收看 感谢收看 感謝收看 谢谢收听 感谢收听
    谢谢大家观看 感谢您的观看 感谢大家的观看 多谢您的观看 多谢观看 下期再见 下期再見 下期视频 我们下次再见 优优独播 優優獨播
    yoyotelevision 李宗盛 词曲 詞曲 作词作曲 ご視聴 ご覧いただき チャンネル登録 高評価 시청해 구독과좋아요 구독좋아요 자막 mbc뉴스 다음영상
    forwatching forlistening thanksforviewing subscribe seeyouinthenext seeyounexttime nextvideo likeandshare subtitle
    captionsby captionedby captioningby closedcaption transcriptionby transcribedby translatedby transcriptoutlined
    castingwords otterai bfwatchtv patreon wwwmooji engvid beadaholique copyright allrightsreserved tobecontinued soustitr
    sottotitoli untertitel swr20 wdr20 zdf20 legendado legendas subtítulos subtitulos suscríbete suscribete ondertitel
    undertext tekstet napisystworzone napisywykonane titulky altyazı altyazi izlediğinizicin izlediğiniziçin субтитр
    dimatorzok корректор продолжениеследует спасибозапросмотр подписывайтесь graciasporver mercidavoirregardé
    obrigadoporassistir graziepervisto graziedellavisione dankefürszuschauen abonniert abonnezvous mingpao completedisclaimer emilybeynon
    teksting";

/// Words that are hallucinated from silence as whole texts.
const WORDS: &str = "you thankyou thankyouverymuch thankyousomuch thanks bye byebye goodbye ok okay so oh uh um ah hm hmm
    mm mmhmm yeah yes no the i a and 嗯 谢谢 謝謝 谢谢大家 好 好的 啊 呃 哦 喂 我 是 对 的 あ はい うん ん 네 예 어 감사합니다
    ありがとうございました ありがとうございます gracias merci danke спасибо";

#[cfg(test)]
mod tests {
    use super::is_hallucination;
    use crate::vad::{RATE, Voice};

    fn of_ms(clear: u64) -> Voice {
        Voice { clear: clear * u64::from(RATE) / 1000, faint: u64::from(RATE) }
    }

    #[test]
    fn a9_credits_are_nothing_where_hardly_anybody_spoke() {
        for text in [
            "Thanks for watching!",
            "thank you for watching.",
            "Thank you so much for watching, see you in the next video.",
            "字幕由Amara.org社区提供",
            "字幕由 Amara.org 社群提供",
            "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
            "請不吝點贊訂閱轉發打賞支持明鏡與點點欄目",
            "Subtitles by the Amara.org community",
            "Sous-titres réalisés par la communauté d'Amara.org",
            "Untertitel im Auftrag des ZDF für funk, 2017",
            "ご視聴ありがとうございました",
            "谢谢观看，下期再见！",
            "Субтитры сделал DimaTorzok",
            "优优独播剧场——YoYo Television Series Exclusive",
            "Don't forget to like and subscribe!",
            "Transcription by CastingWords",
        ] {
            for clear in [0, 200, 400] {
                assert!(is_hallucination(text, of_ms(clear)), "{text}, {clear} ms of voice");
            }
            assert!(!is_hallucination(text, of_ms(900)), "{text}: enough voice");
        }
    }

    #[test]
    fn a9_words_of_a_person_count_where_there_is_a_voice() {
        for text in ["you", "Thank you.", "you you you", "Bye-bye.", "谢谢大家。", "嗯", "Okay. Okay."] {
            assert!(is_hallucination(text, of_ms(0)), "{text}");
            assert!(!is_hallucination(text, of_ms(150)), "{text}: short words take little time");
        }
        for text in ["今天天气怎么样", "turn on the light", "youth", "thank you, turn it off", ""] {
            assert!(!is_hallucination(text, of_ms(0)), "{text}");
        }
    }
}
