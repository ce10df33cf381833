import type { Command, Option } from 'commander'
import { commandPath, helpOf } from './command.ts'
import { version } from './version.ts'

/** Manual pages (man(7)), made from the commands' own help. They have no date, so that they are the same every time. */

/** File names and contents: `understudy.1`, and one for each command. */
export function manPages(program: Command): Map<string, string> {
  const commands = [program, ...program.commands.flatMap(withInner)]
  return new Map(commands.map((command) => [`${nameOf(command, program)}.1`, pageOf(command, program)]))
}

function withInner(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withInner)]
}

function nameOf(command: Command, program: Command): string {
  return [program.name(), ...commandPath(command).split(' ')].filter((word) => word !== '').join('-')
}

function pageOf(command: Command, program: Command): string {
  const name = nameOf(command, program)
  const help = helpOf(command)
  const own = command.options.filter(({ hidden }) => !hidden)
  const others = command === program ? [] : [program]
  const seeAlso = [...others, ...command.commands].map((one) => `\\fB${escape(nameOf(one, program))}\\fP(1)`)
  return [
    `.TH "${escape(name.toUpperCase())}" "1" "" "understudy ${escape(version)}" "Understudy"`,
    '.SH NAME',
    `${escape(name)} \\- ${escape(command.summary() || command.description())}`,
    '.SH SYNOPSIS',
    `\\fB${escape(name.replaceAll('-', ' '))}\\fP ${escape(command.usage())}`,
    '.SH DESCRIPTION',
    line(help?.text.replaceAll('\n', ' ') ?? command.description()),
    ...section('COMMANDS', command.commands.flatMap(describeCommand)),
    ...section('FLAGS', own.flatMap(describeFlag)),
    ...section(
      'EXAMPLES',
      (help?.examples ?? []).flatMap((example) => ['.PP', '.nf', line(example), '.fi']),
    ),
    ...section(
      'EXIT STATUS',
      Object.entries(help?.exitCodes ?? {}).flatMap(([code, text]) => item(code, text)),
    ),
    ...section('SEE ALSO', seeAlso.length > 0 ? [seeAlso.join(', ')] : []),
    '',
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines]
}

function describeCommand(command: Command): string[] {
  return item(command.name(), command.summary())
}

function describeFlag({ flags, description }: Option): string[] {
  return item(flags, description)
}

function item(term: string, text: string): string[] {
  return ['.TP', `\\fB${escape(term)}\\fP`, line(text)]
}

// A line that begins with a point or an apostrophe would be a command of roff.
function line(text: string): string {
  const escaped = escape(text)
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('"', '\\(dq')
}
