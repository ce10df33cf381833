import { escapeXml } from '../scripts/quote.ts'
import type { Block, Group } from './blocks.ts'
import { kitGroups } from './blocks.ts'
import { checkKit } from './kit.ts'
import type { Kit } from './kit.ts'
import { wrap } from './text.ts'
import type { KitLanguage, KitWords } from './words.ts'
import { wordsIn } from './words.ts'

/**
 * The kit as one HTML file that prints on A4: no script, nothing loaded, every value escaped. It is divided into pages here and
 * not by the browser, because only so "page 2 of 3" stands on each of them in every browser: lost pages show.
 */

/** Lines of 3.35 mm on a page, and characters on a line of commands and of words; all a little less than there is room for. */
const page = { lines: 82, commandColumns: 78, textColumns: 106 } as const

const style = `@page{size:A4;margin:10mm 12mm}
*{box-sizing:border-box}
html{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{margin:0 auto;width:186mm;color:#000;background:#fff;font:8.4pt/3.35mm "Helvetica Neue",Arial,"Liberation Sans","DejaVu Sans",sans-serif}
section{display:flex;flex-direction:column;height:276mm;break-after:page;break-inside:avoid}
section:last-child{break-after:auto}
header{display:flex;gap:4mm;justify-content:space-between;align-items:baseline;border-bottom:.5mm solid #000;margin-bottom:1.5mm;padding-bottom:1mm}
header strong,footer span{white-space:nowrap}
h1{font-size:14pt;line-height:6mm;margin:0}
h2{font-size:10pt;line-height:3.35mm;margin:2.6mm 0 1.1mm;border-bottom:.2mm solid #999;padding-bottom:.4mm}
p{margin:0 0 1.2mm}
p.step{padding-left:5mm;text-indent:-5mm}
p.step b{display:inline-block;width:5mm;text-indent:0}
code,table,.code{font-family:"DejaVu Sans Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:7.7pt}
.commands{margin:0 0 1.4mm 5mm;display:grid;grid-template-columns:26mm 1fr;column-gap:2mm}
.commands>span{font-weight:bold}
.commands code{display:block;padding-left:4mm;text-indent:-4mm;overflow-wrap:anywhere;white-space:pre-wrap}
.secret{margin:0 0 1.4mm 5mm;display:grid;grid-template-columns:26mm 1fr;column-gap:2mm}
.secret>span{font-weight:bold}
table{border-collapse:collapse;justify-self:start}
td{padding:0 2mm 0 0;font-size:10pt;white-space:pre}
td:first-child,td:last-child{color:#555;font-size:7.7pt}
.blank{height:9mm;border-bottom:.3mm solid #000;margin-bottom:3mm}
footer{margin-top:auto;display:flex;justify-content:space-between;border-top:.2mm solid #999;padding-top:1mm}
@media screen{body{padding:8mm 0}section{margin-bottom:12mm}}`

/** Throws KIT_INVALID, KIT_SECRET_UNPRINTABLE. */
export function kitPage(kit: Kit, language: KitLanguage): string {
  checkKit(kit)
  const words = wordsIn(language)
  const pages = paginate(kitGroups(kit, words))
  const sections = pages.map((blocks, at) => section(blocks, { kit, words, at, of: pages.length }))
  const title = escapeXml(`${words.title}: ${kit.client}`)
  const policy = "default-src 'none'; style-src 'unsafe-inline'"
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
${sections.join('\n')}
</body>
</html>
`
}

interface Place {
  readonly kit: Kit
  readonly words: KitWords
  readonly at: number
  readonly of: number
}

function section(blocks: readonly Block[], { kit, words, at, of }: Place): string {
  const name = escapeXml(`${words.title}: ${kit.client}`)
  const code = escapeXml(words.codeOf(kit.code))
  const head = at === 0 ? `<header><h1>${name}</h1><strong class="code">${code}</strong></header>\n` : ''
  const foot = `<footer><span>${name}</span><span class="code">${code}</span><span>${words.page(at + 1, of)}</span></footer>`
  return `<section>\n${head}${blocks.map(html).join('\n')}\n${foot}\n</section>`
}

function html(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${escapeXml(block.text)}</h2>`
    case 'text':
      return `<p>${marked(block.text)}</p>`
    case 'step':
      return `<p class="step"><b>${block.number}.</b>${marked(block.text)}</p>`
    case 'commands': {
      const lines = block.lines.map((line) => `<code>${escapeXml(line)}</code>`).join('')
      return `<div class="commands"><span>${escapeXml(block.label)}</span><div>${lines}</div></div>`
    }
    case 'secret': {
      const rows = block.lines.map(
        ({ groups, checksum }, at) => `<tr><td>${at + 1}</td><td>${escapeXml(groups)}</td><td>${checksum}</td></tr>`,
      )
      return `<div class="secret"><span>${escapeXml(block.label)}</span><table>${rows.join('')}</table></div>`
    }
    case 'blank':
      return '<div class="blank"></div>'
  }
}

/** What stands between backquotes is typed. */
function marked(text: string): string {
  return escapeXml(text).replace(/`([^`]*)`/g, '<code>$1</code>')
}

/** Puts groups on pages, whole where they fit on one. */
function paginate(groups: readonly Group[]): Block[][] {
  const pages: Block[][] = [[]]
  let used = 3 // the title
  const turn = () => {
    pages.push([])
    used = 0
  }
  for (const group of groups) {
    const blocks = group.flatMap(splitLong)
    const height = sum(blocks.map(heightOf))
    if (used + height > page.lines && height <= page.lines) turn()
    for (const block of blocks) {
      if (used + heightOf(block) > page.lines) turn()
      pages.at(-1)?.push(block)
      used += heightOf(block)
    }
  }
  return pages
}

/** A text that would fill more than half a page (the names of hundreds of machines) becomes several; commands do too. */
function splitLong(block: Block): Block[] {
  const most = page.lines / 2
  if (block.kind === 'text') {
    return chunks(wrap(block.text, page.textColumns), most).map((lines) => ({ ...block, text: lines.join(' ') }))
  }
  if (block.kind !== 'commands') return [block]
  return chunks(block.lines, most / 2).map((lines) => ({ ...block, lines }))
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.max(1, Math.ceil(items.length / size))
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size))
}

/** Lines that a block takes, with the room around it. */
function heightOf(block: Block): number {
  switch (block.kind) {
    case 'heading':
      return 2.2
    case 'text':
    case 'step':
      return wrap(block.text, page.textColumns).length + 0.35
    case 'commands':
      return Math.max(sum(block.lines.map(rowsOf)), labelRows(block.label)) + 0.4
    case 'secret':
      return Math.max(block.lines.length * 1.1, labelRows(block.label)) + 0.4
    case 'blank':
      return 3.4
  }
}

function rowsOf(command: string): number {
  return Math.ceil(command.length / page.commandColumns)
}

/** Labels stand in a narrow column. */
function labelRows(label: string): number {
  return wrap(label, 14).length
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
