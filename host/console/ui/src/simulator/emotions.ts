// The emotions of the ecosystem, as faces and as words. Rule: an emotion that is not listed is shown by the neutral
// face, with its own name as text.

export type Eyes = 'open' | 'wide' | 'smiling' | 'closed' | 'half' | 'wink' | 'hearts' | 'shades';

/** How a face is drawn. */
export interface FaceShape {
  readonly eyes: Eyes;
  /** Curve of the mouth: 1 smiles, -1 is sad. */
  readonly mouth: number;
  /** How far the mouth is open, 0 to 1. */
  readonly open: number;
  /** Tilt of the brows: 1 angry, -1 worried, 0 none. */
  readonly brows: number;
  readonly extra?: 'tears' | 'blush' | 'tongue';
}

const face = (eyes: Eyes, mouth: number, open = 0, brows = 0, extra?: FaceShape['extra']): FaceShape =>
  extra === undefined ? { eyes, mouth, open, brows } : { eyes, mouth, open, brows, extra };

const SHAPES: Readonly<Record<keyof typeof emotionsEn, FaceShape>> = {
  neutral: face('open', 0.15),
  happy: face('smiling', 0.8),
  laughing: face('smiling', 1, 0.6),
  funny: face('wink', 0.9, 0.3),
  sad: face('open', -0.7, 0, -0.8),
  angry: face('half', -0.5, 0, 1),
  crying: face('closed', -0.9, 0.2, -1, 'tears'),
  loving: face('hearts', 0.8),
  embarrassed: face('half', 0.1, 0, -0.5, 'blush'),
  surprised: face('wide', 0, 0.6, -0.4),
  shocked: face('wide', -0.2, 1, -1),
  thinking: face('half', -0.1, 0, -0.3),
  winking: face('wink', 0.7),
  cool: face('shades', 0.5),
  relaxed: face('closed', 0.5),
  delicious: face('smiling', 0.8, 0, 0, 'tongue'),
  kissy: face('closed', 0, 0.25, 0, 'blush'),
  confident: face('half', 0.6, 0, 0.4),
  sleepy: face('closed', 0, 0.15),
  silly: face('wide', 0.8, 0, 0, 'tongue'),
  confused: face('wide', -0.3, 0, -0.7),
};

/** The face of an emotion. */
export function faceOf(emotion: string): FaceShape {
  return isKnown(emotion) ? SHAPES[emotion] : SHAPES.neutral;
}

/** The word for an emotion. */
export function emotionWord(emotion: string, names: typeof emotionsEn): string {
  return isKnown(emotion) ? names[emotion] : emotion.slice(0, 40);
}

function isKnown(emotion: string): emotion is keyof typeof emotionsEn {
  return Object.hasOwn(emotionsEn, emotion);
}

export const emotionsEn = {
  neutral: 'neutral',
  happy: 'happy',
  laughing: 'laughing',
  funny: 'amused',
  sad: 'sad',
  angry: 'angry',
  crying: 'crying',
  loving: 'loving',
  embarrassed: 'embarrassed',
  surprised: 'surprised',
  shocked: 'shocked',
  thinking: 'thinking',
  winking: 'winking',
  cool: 'cool',
  relaxed: 'relaxed',
  delicious: 'enjoying it',
  kissy: 'sending a kiss',
  confident: 'confident',
  sleepy: 'sleepy',
  silly: 'silly',
  confused: 'confused',
};

export const emotionsZh: typeof emotionsEn = {
  neutral: '平静',
  happy: '开心',
  laughing: '大笑',
  funny: '逗乐',
  sad: '难过',
  angry: '生气',
  crying: '哭泣',
  loving: '喜爱',
  embarrassed: '尴尬',
  surprised: '惊讶',
  shocked: '震惊',
  thinking: '思考',
  winking: '眨眼',
  cool: '酷',
  relaxed: '放松',
  delicious: '美味',
  kissy: '飞吻',
  confident: '自信',
  sleepy: '困倦',
  silly: '调皮',
  confused: '困惑',
};
