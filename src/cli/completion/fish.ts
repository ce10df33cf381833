import type { Completed, CompletedCommand, CompletedFlag } from './model.ts'

/** A script for fish, to be put into `~/.config/fish/completions`. */
export function fishCompletion(program: string, commands: readonly CompletedCommand[]): string {
  const at = `__${program}_at`
  return [
    `# fish completion for ${program}. Made by \`${program} generate --fish-completion\`.`,
    '',
    `function ${at} --description 'Whether the command line is at this command'`,
    '    set -l words (commandline -opc)',
    '    set -l path',
    '    set -e words[1]',
    '    set -l skip 0',
    '    for word in $words',
    '        if test $skip = 1',
    '            set skip 0',
    '            continue',
    '        end',
    '        switch $word',
    `            case ${wantingNext(commands).map(quote).join(' ')}`,
    '                set skip 1',
    "            case '-*'",
    "            case '*'",
    '                switch (string join / -- $path $word)',
    `                    case ${pathsOf(commands).map(quote).join(' ')}`,
    '                        set -a path $word',
    '                end',
    '        end',
    '    end',
    '    test "$path" = "$argv"',
    'end',
    '',
    `complete -c ${program} -f`,
    ...commands.flatMap((command) => linesOf(program, at, command)),
    '',
  ].join('\n')
}

function pathsOf(commands: readonly CompletedCommand[]): string[] {
  return commands.flatMap(({ path }) => (path === '' ? [] : [path.replaceAll(' ', '/')]))
}

function wantingNext(commands: readonly CompletedCommand[]): string[] {
  const flags = commands.flatMap((command) => command.flags)
  const wanting = flags.filter(({ value, isValueOptional }) => value && !isValueOptional)
  return [...new Set(wanting.flatMap(({ names }) => names))]
}

function linesOf(program: string, at: string, { path, commands, flags, argument }: CompletedCommand): string[] {
  const start = `complete -c ${program} -n ${quote(path === '' ? at : `${at} ${path}`)}`
  const inner = commands.map(({ name, summary }) => `${start} -a ${quote(name)} -d ${quote(summary)}`)
  const words = commands.length > 0 ? [] : argumentLine(start, argument)
  return [...inner, ...words, ...flags.map((flag) => flagLine(start, flag))]
}

function argumentLine(start: string, argument: Completed): string[] {
  if (argument === 'unknown') return []
  return [`${start} ${valueOf(argument)}`]
}

function flagLine(start: string, { names, summary, value, isValueOptional }: CompletedFlag): string {
  const parts = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const wanted = value && !isValueOptional ? ['-r'] : []
  const values = value ? [valueOf(value)] : []
  return [start, ...parts, ...wanted, ...values, `-d ${quote(summary)}`].join(' ')
}

function valueOf(value: Completed): string {
  if (value === 'file') return '-F'
  if (value === 'folder') return "-f -a '(__fish_complete_directories)'"
  return value === 'unknown' ? '-f' : `-f -a ${quote(value.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
