/** A message in words: what every channel makes its own shape of. */
import type { Language, Severity } from '#protocol'
import type { Condition } from './condition.ts'
import type { Message, News, NewsGroup } from './message.ts'
import { reasonOf, weightOf } from './sum-up.ts'
import { english } from './texts/english.ts'
import { german } from './texts/german.ts'
import { type Say, sayIn } from './texts/say.ts'
import type { ConditionWords, Texts } from './texts/texts.ts'

/** What a message says about the server that sends it. */
export interface Sender {
  readonly name: string
  /** Where the console is; null as long as nobody has said. */
  readonly url: string | null
}

export interface Words {
  readonly language: Language
  readonly subject: string
  readonly severity: Severity | null
  /** Before everything else; empty for alerts. */
  readonly lead: string
  readonly blocks: readonly Block[]
  readonly footer: readonly string[]
  readonly url: string | null
}

/** One thing that happened, or many of one kind. */
export interface Block {
  /** How bad it is; null when it is over. */
  readonly severity: Severity | null
  readonly heading: string
  readonly lines: readonly string[]
  /** What to do; empty when there is nothing to do. */
  readonly hint: string
}

const tables: Readonly<Record<Language, Texts>> = { en: english, de: german }

export function putIntoWords(message: Message, sender: Sender): Words {
  const { language, timeZone } = message.recipient
  const texts = tables[language]
  const say = sayIn(language, { timeZone, now: message.at })
  const writer = new Writer(texts, say, message)
  const isAlert = message.kind === 'alert'
  const needsAnswer = isAlert && message.severity !== null && sender.url !== null
  return {
    language,
    severity: message.severity,
    subject: writer.subject(),
    lead: writer.lead(),
    blocks: partsOf(message).map((part) => ('example' in part ? writer.group(part) : writer.item(part))),
    footer: [...(needsAnswer ? [texts.answer] : []), texts.footer(say.quote(sender.name), say.date(message.at))],
    url: sender.url,
  }
}

/** The worst first, and of the equally bad what is more. */
function partsOf({ news, groups }: Message): readonly (News | NewsGroup)[] {
  const weigh = (part: News | NewsGroup) => weightOf('example' in part ? part.example : part)
  return [...groups, ...news].toSorted((a, b) => weigh(b) - weigh(a))
}

class Writer {
  readonly #texts: Texts
  readonly #say: Say
  readonly #message: Message

  constructor(texts: Texts, say: Say, message: Message) {
    this.#texts = texts
    this.#say = say
    this.#message = message
  }

  /** What is worst, and how much more there is: all that a telephone shows of it. */
  subject(): string {
    const { kind, overview } = this.#message
    if (kind === 'test') return this.#texts.test.subject
    if (kind === 'digest') return this.#texts.digest.subject(overview?.open ?? 0, this.#say)
    const [worst, ...others] = partsOf(this.#message)
    if (!worst) return ''
    const heading = 'example' in worst ? this.#headingOf(worst) : this.#heading(worst)
    return others.length === 0 ? heading : `${heading} (${this.#texts.andMore(others.length, this.#say)})`
  }

  lead(): string {
    const { kind, overview, recipient } = this.#message
    if (kind === 'test') return this.#texts.test.lead(this.#say.quote(recipient.name))
    if (kind === 'digest') return this.#texts.digest.lead(overview?.machines ?? 0, overview?.open ?? 0, this.#say)
    return ''
  }

  item(item: News): Block {
    const { event, severity, condition } = item
    const { sentence, hint, over } = this.#words(condition)
    const since = this.#texts.since(this.#say.date(condition.since))
    const heading = this.#heading(item)
    if (event === 'resolved') return { severity: null, heading, lines: [over], hint: '' }
    if (event === 'unwatched') return { severity: null, heading, lines: [this.#texts.notWatched], hint: '' }
    const comesAndGoes = event === 'again' ? [this.#texts.comesAndGoes] : []
    return { severity, heading, lines: [sentence, since, ...comesAndGoes], hint }
  }

  group(group: NewsGroup): Block {
    const { example, names, count, sameReason } = group
    const { event, severity, condition } = example
    const { hint, over } = this.#words(condition)
    const shown = names.map(({ name, client }) => this.#name(name, client)).join(', ')
    const among = this.#texts.among(shown, count - names.length, this.#say)
    const heading = this.#headingOf(group)
    if (event === 'resolved') return { severity: null, heading, lines: [over, among], hint: '' }
    if (event === 'unwatched') return { severity: null, heading, lines: [this.#texts.notWatched, among], hint: '' }
    const reason = sameReason ? reasonOf(condition) : undefined
    const same = reason === undefined ? [] : [this.#texts.sameReason(this.#say.reason(reason))]
    return { severity, heading, lines: [among, ...same], hint }
  }

  #heading(item: News): string {
    const { type, name, client } = item.condition.subject
    const shown = this.#name(name, type === 'client' ? null : (client?.name ?? null))
    return `${this.#label(item)}: ${shown}: ${this.#words(item.condition).title}`
  }

  #name(name: string, client: string | null): string {
    const { namesClients } = this.#message.recipient
    return this.#say.quote(name) + (namesClients && client !== null ? ` (${this.#say.quote(client)})` : '')
  }

  #headingOf({ example, count }: NewsGroup): string {
    const many = this.#texts.count(example.condition.subject.type, count, this.#say)
    return `${this.#label(example)}: ${many}: ${this.#words(example.condition).title}`
  }

  #label({ event, severity }: News): string {
    return this.#texts.label(event, this.#texts.severities[severity])
  }

  #words(condition: Condition): ConditionWords {
    return wordsOf(condition, this.#texts, this.#say)
  }
}

/** What a condition says to a reader, for lists and pages. */
export function describeCondition(
  condition: Condition,
  { language, timeZone, now }: { readonly language: Language; readonly timeZone: string; readonly now: number },
): ConditionWords {
  return wordsOf(condition, tables[language], sayIn(language, { timeZone, now }))
}

function wordsOf(condition: Condition, texts: Texts, say: Say): ConditionWords {
  // The table has one entry for each kind, made for just that kind.
  const write = texts.conditions[condition.kind] as (condition: Condition, say: Say) => ConditionWords
  return write(condition, say)
}

/** Plain text, for mail and telephones; to be read below the subject, which is not said twice. */
export function formatText({ language, subject, lead, blocks, footer, url }: Words): string {
  const { whatToDo } = tables[language]
  const parts = blocks.map(({ heading, lines, hint }) =>
    [...(heading === subject ? [] : [heading]), ...lines, ...(hint === '' ? [] : [`${whatToDo} ${hint}`])].join('\n'),
  )
  return [...(lead === '' ? [] : [lead]), ...parts, [...footer, ...(url === null ? [] : [url])].join('\n')].join('\n\n')
}

const colours: Readonly<Record<Severity | 'over', string>> = {
  critical: '#b3261e',
  warning: '#8a5a00',
  notice: '#44546a',
  over: '#1b6e3c',
}

/** The same as a page without pictures, scripts or anything that is fetched. */
export function formatHtml({ language, subject, lead, blocks, footer, url }: Words): string {
  const { whatToDo } = tables[language]
  const parts = blocks.map(({ severity, heading, lines, hint }) => {
    const colour = colours[severity ?? 'over']
    const todo =
      hint === '' ? '' : `<p style="margin:4px 0"><strong>${escapeHtml(whatToDo)}</strong> ${escapeHtml(hint)}</p>`
    const text = lines.map((line) => `<p style="margin:4px 0">${escapeHtml(line)}</p>`).join('')
    return (
      `<div style="border-left:4px solid ${colour};padding:2px 0 2px 12px;margin:0 0 20px">` +
      `<p style="margin:4px 0;font-weight:bold;color:${colour}">${escapeHtml(heading)}</p>${text}${todo}</div>`
    )
  })
  const link = url === null ? '' : `<br><a href="${escapeHtml(url)}">${escapeHtml(url)}</a>`
  return (
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>` +
    `<body style="font-family:sans-serif;font-size:15px;line-height:1.4;max-width:640px">` +
    (lead === '' ? '' : `<p>${escapeHtml(lead)}</p>`) +
    `${parts.join('')}<p style="color:#5a5a5a;font-size:13px">${footer.map(escapeHtml).join('<br>')}${link}</p></body></html>`
  )
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
