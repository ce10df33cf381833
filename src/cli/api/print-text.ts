import { StringDecoder } from 'node:string_decoder'
import { printable } from '#base'
import type { Printer } from '../printer.ts'
import type { OpenAnswer } from './connection.ts'

/** Answers that are lines for people or other programs, not JSON: figures, or events as they happen. */
export function isText({ headers }: OpenAnswer): boolean {
  return headers['content-type']?.startsWith('text/') === true
}

/** Characters of a line at most; what is longer is printed in parts. */
const longest = 64 << 10

/** Prints each line as it comes. What is in it may be anybody's: nothing of it can steer the terminal. */
export async function printText(printer: Printer, coming: AsyncIterable<Buffer>): Promise<void> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of coming) {
    const lines = (rest + decoder.write(piece)).split(/\r?\n/)
    rest = lines.pop() ?? ''
    if (rest.length > longest) {
      lines.push(rest)
      rest = ''
    }
    for (const line of lines) printer.result(printable(line, Infinity))
  }
  if (rest !== '') printer.result(printable(rest, Infinity))
}
