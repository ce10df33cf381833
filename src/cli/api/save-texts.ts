import { basename, extname, join } from 'node:path'
import { formatBytes, hasCode, printable } from '#base'
import { madeKitSchema, madeScriptSchema } from '#protocol'
import type { CommandContext } from '../context.ts'
import { isThereAs, save } from './save-answer.ts'
import type { SaveOptions } from './save-answer.ts'

/** Answers in which texts are files: a script that is to be run, a kit that is to be printed. */

interface NamedText {
  /** Of the file; ours, and plain. */
  readonly name: string
  readonly text: string
}

interface Texts {
  readonly read: (answer: unknown) => readonly NamedText[]
  /** What is to be done with them. */
  readonly next: string
}

const texts: Readonly<Record<string, Texts>> = {
  'machine make-script': {
    read: (answer) => {
      const { fileName, script } = madeScriptSchema.parse(answer)
      return [{ name: basename(fileName), text: script }]
    },
    next: 'It holds secrets: bring it to the machine, run it there as its first lines say, and delete it in both places.',
  },
  'kit make': {
    read: (answer) => {
      const { page, text, madeAt } = madeKitSchema.parse(answer)
      const name = `recovery-kit-${madeAt.slice(0, 10)}`
      return [
        { name: `${name}.html`, text: page },
        { name: `${name}.txt`, text },
      ]
    },
    next: 'They hold passwords: print the page, delete both, and type the code back from the paper: `understudy kit confirm`.',
  },
}

/** The files in the answer of a command; undefined: there are none. */
export function textsIn(command: string): Texts | undefined {
  return texts[command]
}

/**
 * Makes a call whose answer holds files, and saves them, for their user only. What comes is shown once: a name that is taken is
 * no reason to lose it, and it gets another. Throws as `saveAnswer`.
 */
export async function saveTexts(
  context: CommandContext,
  { texts: { read, next }, call }: { readonly texts: Texts; readonly call: () => Promise<unknown> },
  { to, force }: SaveOptions,
): Promise<void> {
  const { printer } = context
  // Before anything is asked for: what was made before holds no longer then.
  const isFolder = to === undefined || (to !== '-' && (await isThereAs(to, { force })) === 'folder')
  const found = read(await call())
  if (to === '-') return printer.terminal.write(found.at(-1)?.text ?? '')
  for (const [at, { name, text }] of found.entries()) {
    const bytes = Buffer.from(text)
    const isNamed = !isFolder && at === 0
    const path = isNamed ? to : await freePath(isFolder ? join(to ?? '', name) : `${to}${extname(name)}`, { force })
    await save(context, { coming: piecesOf(bytes), size: bytes.length }, { path, force })
    printer.say(`Saved ${formatBytes(bytes.length)} as ${printable(path)}.`)
  }
  printer.say(next)
}

/** `kit.html`, or `kit-2.html` where that is taken. */
async function freePath(path: string, { force }: { readonly force: boolean }): Promise<string> {
  const ending = extname(path)
  for (let number = 1; ; number++) {
    const wanted = number === 1 ? path : `${path.slice(0, path.length - ending.length)}-${number}${ending}`
    const isFree = await isThereAs(wanted, { force }).then(
      (there) => there === 'free',
      (thrown: unknown) => {
        if (hasCode(thrown, 'DOWNLOAD_IN_THE_WAY') || hasCode(thrown, 'DOWNLOAD_NO_FILE')) return false
        throw thrown
      },
    )
    if (isFree) return wanted
  }
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}
