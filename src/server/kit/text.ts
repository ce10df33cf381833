import type { Block } from './blocks.ts'
import { kitGroups } from './blocks.ts'
import { checkKit } from './kit.ts'
import type { Kit } from './kit.ts'
import type { KitLanguage } from './words.ts'
import { wordsIn } from './words.ts'

/** Characters on a line of words. */
const width = 90

/**
 * The kit as a plain text file. Commands stand at the beginning of their lines, below a `[label]` and above an empty line, so
 * that they can be copied as they are. Throws KIT_INVALID, KIT_SECRET_UNPRINTABLE.
 */
export function kitText(kit: Kit, language: KitLanguage): string {
  checkKit(kit)
  const words = wordsIn(language)
  const title = `${words.title}: ${kit.client}`
  const head = [title, '='.repeat(Math.min(width, title.length)), words.codeOf(kit.code), '']
  const body = kitGroups(kit, words).flatMap((group) => group.flatMap(blockLines))
  return `${[...head, ...body].join('\n').trimEnd()}\n`
}

function blockLines(block: Block): string[] {
  switch (block.kind) {
    case 'heading':
      return ['', block.text, '-'.repeat(block.text.length)]
    case 'text':
      return [...wrap(block.text, width), '']
    case 'step':
      return [...wrap(`${block.number}. ${block.text}`, width), '']
    case 'commands':
      return [...(block.label === '' ? ['[restic]'] : [`[${block.label}]`]), ...block.lines, '']
    case 'secret': {
      const longest = Math.max(...block.lines.map(({ groups }) => groups.length))
      const lines = block.lines.map(
        ({ groups, checksum }, at) => `  ${at + 1}  ${groups.padEnd(longest)}   ${checksum}`,
      )
      return [`${block.label}:`, ...lines, '']
    }
    case 'blank':
      return ['', '_'.repeat(width), '']
  }
}

/** Breaks words into lines; a word that is longer than a line stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
