import type { Completed, CompletedCommand } from './model.ts'

/** A script for PowerShell 5.1 and newer, to be called from the profile. */
export function powershellCompletion(program: string, commands: readonly CompletedCommand[]): string {
  return [
    `# PowerShell completion for ${program}. Made by \`${program} generate --powershell-completion\`.`,
    `Register-ArgumentCompleter -Native -CommandName '${program}' -ScriptBlock {`,
    '  param($wordToComplete, $commandAst, $cursorPosition)',
    '  $commands = @{',
    ...commands.map((command) => `    ${quote(command.path)} = ${tableOf(command)}`),
    '  }',
    "  $path = ''",
    '  $skip = $false',
    '  $previous = $null',
    '  foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {',
    '    if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete) { break }',
    '    $word = $element.Extent.Text',
    '    $previous = $word',
    '    if ($skip) { $skip = $false; $previous = $null; continue }',
    "    if ($word.StartsWith('-')) {",
    '      $skip = $commands[$path].Values.ContainsKey($word)',
    '      continue',
    '    }',
    '    $inner = ("$path $word").Trim()',
    '    if ($commands.ContainsKey($inner)) { $path = $inner }',
    '  }',
    '  $command = $commands[$path]',
    '  $words =',
    '    if ($skip -and $previous) { $command.Values[$previous] }',
    "    elseif ($wordToComplete.StartsWith('-')) { $command.Flags }",
    '    else { $command.Words }',
    '  $words | Where-Object { $_ -clike "$wordToComplete*" } | ForEach-Object {',
    "    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)",
    '  }',
    '}',
    '',
  ].join('\n')
}

// Where nothing is offered, PowerShell completes paths by itself.
function tableOf({ commands, flags, argument }: CompletedCommand): string {
  const words = commands.length > 0 ? commands.map(({ name }) => name) : wordsOf(argument)
  const values = flags.flatMap(({ names, value, isValueOptional }) =>
    value && !isValueOptional ? names.map((name) => `${quote(name)} = ${list(wordsOf(value))}`) : [],
  )
  const names = flags.flatMap((flag) => flag.names)
  // Hash tables know no difference between -h and -H unless they are told.
  return `@{ Words = ${list(words)}; Flags = ${list(names)}; Values = ${caseTable(values)} }`
}

function caseTable(entries: readonly string[]): string {
  const adds = entries.map((entry) => entry.replace(/^('(?:[^']|'')*') = (.*)$/s, '$t[$1] = $2'))
  return `$(& { $t = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal); ${adds.join('; ')}; $t })`
}

function wordsOf(value: Completed): readonly string[] {
  return typeof value === 'string' ? [] : value
}

function list(words: readonly string[]): string {
  return `@(${words.map(quote).join(', ')})`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
