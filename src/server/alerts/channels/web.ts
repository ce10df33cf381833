/** The shapes in which a message goes over the web: our own, Slack's, Teams' and ntfy's. */
import { createHmac } from 'node:crypto'
import type { Channel, Severity } from '#protocol'
import type { Message } from '../message.ts'
import { formatText, type Words } from '../render.ts'
import type { Call } from './call.ts'
import { secretsOf } from './secrets.ts'

type WebChannel = Exclude<Channel, { readonly kind: 'email' }>

/** `now` in milliseconds since 1970: a receiver refuses a signature that is old. */
export function webCall(
  channel: WebChannel,
  message: Message,
  { words, now }: { readonly words: Words; readonly now: number },
): Call {
  const secrets = secretsOf(channel)
  const post = (
    body: unknown,
    { url = channel.url, headers = {} }: { readonly url?: string; readonly headers?: Record<string, string> } = {},
  ): Call => ({
    url,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    secrets,
  })
  switch (channel.kind) {
    case 'webhook': {
      const body = JSON.stringify(webhookBody(message, words))
      return post(body, { headers: signature(channel.secret, { id: message.id, body, now }) })
    }
    case 'slack':
      return post(slackBody(words))
    case 'teams':
      return post(teamsBody(words))
    case 'ntfy':
      return post(ntfyBody(channel.topic, words), {
        headers: channel.token === undefined ? {} : { Authorization: `Bearer ${channel.token}` },
      })
  }
}

/** What a program reads: everything that the message is about, and the words as a person would read them. */
function webhookBody({ id, kind, at, severity, news, groups, overview }: Message, words: Words): unknown {
  const item = ({ event, severity: taken, condition }: Message['news'][number]) => ({
    event,
    key: condition.key,
    kind: condition.kind,
    severity: taken,
    subject: condition.subject,
    since: new Date(condition.since).toISOString(),
    facts: condition.facts,
  })
  return {
    type: `alert.${kind}`,
    timestamp: new Date(at).toISOString(),
    data: {
      id,
      severity,
      subject: words.subject,
      text: formatText(words),
      items: news.map(item),
      groups: groups.map(({ count, names, example }) => ({ count, names, example: item(example) })),
      ...(overview ? { overview } : {}),
    },
  }
}

/** https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, so that none can be changed and none repeated later. */
function signature(
  secret: string,
  { id, body, now }: { readonly id: string; readonly body: string; readonly now: number },
): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}

const signs: Readonly<Record<Severity | 'over', string>> = { critical: '🔴', warning: '🟠', notice: '🔵', over: '🟢' }

/** Slack refuses more blocks, and longer ones. */
const slackLimits = { blocks: 45, text: 2900, fallback: 3000 } as const

/** In plain text throughout: a machine named `<!channel>` or `*` is just that. */
function slackBody(words: Words): unknown {
  const plain = (text: string) => ({
    type: 'section',
    text: { type: 'plain_text', emoji: true, text: cut(text, slackLimits.text) },
  })
  const blocks = words.blocks.map(({ severity, heading, lines, hint }) =>
    plain([`${signs[severity ?? 'over']} ${heading}`, ...lines, ...(hint === '' ? [] : [`→ ${hint}`])].join('\n')),
  )
  const lead = words.lead === '' ? [] : [plain(words.lead)]
  const footer = { type: 'context', elements: [{ type: 'plain_text', text: cut(footerOf(words), slackLimits.text) }] }
  return {
    // Shown in notifications, and read as mark-up.
    text: cut(words.subject, slackLimits.fallback).replace(
      /[&<>]/g,
      (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? '',
    ),
    blocks: [...lead, ...blocks].slice(0, slackLimits.blocks).concat(footer as never),
  }
}

/** A card that Teams refuses is lost: it takes 28 KB. */
const mostCardText = 16_000
const colours: Readonly<Record<Severity | 'over', string>> = {
  critical: 'Attention',
  warning: 'Warning',
  notice: 'Default',
  over: 'Good',
}

/** A message with an Adaptive Card, as Teams' workflows take it. Runs of text, because other text is read as Markdown. */
function teamsBody(words: Words): unknown {
  const run = (text: string, style: object = {}) => ({ type: 'TextRun', text, ...style })
  const paragraph = (...inlines: unknown[]) => ({ type: 'RichTextBlock', inlines })
  const blocks = within(words.blocks, mostCardText).flatMap(({ severity, heading, lines, hint }) => [
    { ...paragraph(run(heading, { weight: 'Bolder', color: colours[severity ?? 'over'] })), separator: true },
    ...lines.map((line) => paragraph(run(line))),
    ...(hint === '' ? [] : [paragraph(run(`→ ${hint}`))]),
  ])
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: words.subject,
    msteams: { width: 'Full' },
    body: [
      ...(words.lead === '' ? [] : [paragraph(run(words.lead))]),
      ...blocks,
      paragraph(run(footerOf(words), { size: 'Small', isSubtle: true })),
    ],
    ...(words.url === null ? {} : { actions: [{ type: 'Action.OpenUrl', title: 'Understudy', url: words.url }] }),
  }
  return {
    type: 'message',
    summary: words.subject,
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card }],
  }
}

/** ntfy makes a file of what is longer than 4,096 bytes. */
const mostNtfyBytes = 3800
const priorities: Readonly<Record<Severity | 'over', number>> = { critical: 5, warning: 4, notice: 3, over: 2 }
const tags: Readonly<Record<Severity | 'over', string>> = {
  critical: 'rotating_light',
  warning: 'warning',
  notice: 'information_source',
  over: 'white_check_mark',
}

function ntfyBody(topic: string, words: Words): unknown {
  const severity = words.severity ?? 'over'
  return {
    topic,
    title: cut(words.subject, 200),
    message: cutBytes(formatText({ ...words, footer: [footerOf(words)], url: null }), mostNtfyBytes),
    priority: priorities[severity],
    tags: [tags[severity]],
    ...(words.url === null ? {} : { click: words.url }),
  }
}

function footerOf({ footer }: Words): string {
  return footer.join(' ')
}

/** The first blocks that fit together. */
function within(blocks: Words['blocks'], most: number): Words['blocks'] {
  let length = 0
  return blocks.filter(
    ({ heading, lines, hint }) => (length += heading.length + lines.join('').length + hint.length) <= most,
  )
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

/** By bytes of UTF-8, never within a character. */
function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  return `${new TextDecoder().decode(bytes.subarray(0, most), { stream: true })}…`
}
