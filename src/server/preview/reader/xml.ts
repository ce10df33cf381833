/** XML, gone through once from beginning to end: enough to take text out of it, and nothing that can grow. */

export interface Token {
  /** Of the element; undefined for text. */
  readonly name: string | undefined
  readonly isEnd: boolean
  /** `<a/>` */
  readonly isWhole: boolean
  readonly attributes: string
  readonly text: string
}

/** Goes once through the XML. What is not well formed gives wrong tokens, and nothing worse. */
export function* tokens(xml: string): Generator<Token> {
  let at = 0
  while (at < xml.length) {
    const start = xml.indexOf('<', at)
    const end = start < 0 ? -1 : xml.indexOf('>', start)
    if (end < 0) return
    if (start > at) yield { name: undefined, isEnd: false, isWhole: false, attributes: '', text: xml.slice(at, start) }
    const tag = xml.slice(start + 1, end)
    const isEnd = tag.startsWith('/')
    const isWhole = tag.endsWith('/')
    const [name = ''] = /^[^\s/]*/.exec(isEnd ? tag.slice(1) : tag) as RegExpExecArray
    yield { name, isEnd, isWhole, attributes: tag.slice(name.length), text: '' }
    at = end + 1
  }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

/** Characters that are written by name or number. */
export function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/gi, (written, decimal, hex, name) => {
    if (typeof name === 'string') return Object.hasOwn(entities, name) ? (entities[name] as string) : written
    const code = decimal === undefined ? parseInt(String(hex), 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : written
  })
}
