import { quotePowerShell } from './quote.ts'
import type { ScriptSchedule, ScriptSettings, SettingsFile, Weekday } from './settings.ts'
import { checkSettings, leastRestic, settingsFiles } from './settings.ts'

/**
 * The script for a Windows machine, for the PowerShell 5.1 that every Windows has:
 * `powershell -ExecutionPolicy Bypass -File FILE` as administrator installs, with `-Do uninstall` takes all away again. It
 * downloads nothing. It holds the machine's secrets. Begins with a byte order mark: without it this PowerShell reads a file in
 * the code page of the country. Throws SCRIPT_INVALID.
 */
export function powershellScript(settings: ScriptSettings): string {
  checkSettings(settings, isAbsolute)
  const certificate = String.raw`C:\ProgramData\UnderstudyRestic\server.pem`
  // Schannel asks for lists of revoked certificates, which nobody has for a server that made its own.
  const files = settingsFiles(settings, certificate, ['ssl-revoke-best-effort'])
  return `\ufeff${windowsLines(installer(settings, files))}`
}

/** A drive or a share. */
function isAbsolute(path: string): boolean {
  return /^([A-Za-z]:[\\/]|\\\\[^\\])/.test(path)
}

function windowsLines(text: string): string {
  return text.replaceAll('\n', '\r\n')
}

function installer(settings: ScriptSettings, files: readonly SettingsFile[]): string {
  return String.raw`# Understudy: backs up ${settings.machine} with stock restic, on a schedule.
# Install:   powershell -ExecutionPolicy Bypass -File THIS-FILE           (as administrator)
# Uninstall: powershell -ExecutionPolicy Bypass -File THIS-FILE -Do uninstall
# It holds the secrets of this machine. Delete it when it has been run.
#Requires -Version 5.1
param([ValidateSet('install', 'uninstall')][string]$Do = 'install')
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$folder = 'C:\ProgramData\UnderstudyRestic'
$task = 'Understudy restic backup'

function Assert-Administrator {
  $principal = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
  if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { throw 'This must be run as administrator.' }
}

function Find-Restic {
  $found = Get-Command 'restic.exe' -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
  if ($null -eq $found) { throw 'restic is not installed. Get it from https://restic.net or with: winget install restic.restic (${leastRestic} or newer), and run this again.' }
  $line = & $found.Source version | Select-Object -First 1
  if ($line -notmatch '^restic (\d+\.\d+\.\d+)') { throw 'restic does not tell its version.' }
  if ([version]$Matches[1] -lt [version]'${leastRestic}') { throw ('restic ' + $Matches[1] + ' is too old: ${leastRestic} or newer is needed.') }
  return $found.Source
}

# Anybody may make folders in ProgramData: one that lies there under our name is only removed if it is ours, because a folder of
# somebody else could lead the removal elsewhere.
function Remove-OurFolder {
  if (-not (Test-Path -LiteralPath $folder)) { return }
  $owner = (Get-Acl -LiteralPath $folder).GetOwner([Security.Principal.SecurityIdentifier]).Value
  $isLink = ((Get-Item -LiteralPath $folder -Force).Attributes -band [IO.FileAttributes]::ReparsePoint) -ne 0
  if ($isLink -or @('S-1-5-18', 'S-1-5-32-544') -notcontains $owner) { throw ($folder + ' was made by somebody else. Look at it, remove it, and run this again.') }
  Remove-Item -LiteralPath $folder -Recurse -Force
}

# Closed before anything is put into it: only the system and administrators may enter.
function New-ClosedFolder {
  Remove-OurFolder
  New-Item -ItemType Directory -Path $folder | Out-Null
  $system = New-Object Security.Principal.SecurityIdentifier('S-1-5-18')
  $administrators = New-Object Security.Principal.SecurityIdentifier('S-1-5-32-544')
  $acl = New-Object Security.AccessControl.DirectorySecurity
  $acl.SetAccessRuleProtection($true, $false)
  $acl.SetOwner($administrators)
  foreach ($who in @($system, $administrators)) {
    $acl.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule($who, 'FullControl', 'ContainerInherit, ObjectInherit', 'None', 'Allow')))
  }
  Set-Acl -LiteralPath $folder -AclObject $acl
  if (@(Get-ChildItem -LiteralPath $folder -Force).Count -ne 0) { throw 'Somebody else writes to the new folder.' }
}

function Write-Lines([string]$name, [string[]]$lines) {
  $text = (($lines | ForEach-Object { $_ + [char]10 }) -join '')
  [IO.File]::WriteAllText((Join-Path $folder $name), $text, (New-Object Text.UTF8Encoding($false)))
}

function Write-Settings {
${files.map(writeLines).join('\n')}
}

function Write-Program {
  $text = @'
${runProgram(settings)}
'@
  [IO.File]::WriteAllText((Join-Path $folder 'run.ps1'), $text, (New-Object Text.UTF8Encoding($true)))
}

function Open-Repository {
  $env:RESTIC_REPOSITORY_FILE = Join-Path $folder 'repository'
  $env:RESTIC_PASSWORD_FILE = Join-Path $folder 'password'
  $env:RESTIC_CACHE_DIR = Join-Path $folder 'cache'
  if (Test-Path -LiteralPath (Join-Path $folder 'server.pem')) { $env:RESTIC_CACERT = Join-Path $folder 'server.pem' }
  # What a program prints as an error would end the script otherwise.
  $ErrorActionPreference = 'Continue'
  $restic = Join-Path $folder 'restic.exe'
  & $restic cat config 2>&1 | Out-Null
  if ($LASTEXITCODE -ne 0) { & $restic init }
  if ($LASTEXITCODE -ne 0) { throw 'The repository on the server cannot be opened, so nothing was scheduled.' }
}

function Register-Backup {
  $program = Join-Path $env:SystemRoot 'System32\WindowsPowerShell\v1.0\powershell.exe'
  $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File "' + (Join-Path $folder 'run.ps1') + '"'
  $action = New-ScheduledTaskAction -Execute $program -Argument $arguments -WorkingDirectory $folder
  $trigger = New-ScheduledTaskTrigger ${triggerTimes(settings.schedule)}
  # -StartWhenAvailable makes up for what was missed.
  $options = New-ScheduledTaskSettingsSet -StartWhenAvailable -RunOnlyIfNetworkAvailable -MultipleInstances IgnoreNew -ExecutionTimeLimit ([TimeSpan]::FromDays(3))${settings.onBattery ? ' -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries' : ''}
  $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
  Register-ScheduledTask -TaskName $task -Action $action -Trigger $trigger -Settings $options -Principal $principal -Force | Out-Null
}

Assert-Administrator
if ($Do -eq 'uninstall') {
  Unregister-ScheduledTask -TaskName $task -Confirm:$false -ErrorAction SilentlyContinue
  Remove-OurFolder
  'Removed. What has been stored stays on the server.'
} else {
  $restic = Find-Restic
  New-ClosedFolder
  # The copy is the system's: winget's belongs to a user, who could put another program in its place.
  Copy-Item -LiteralPath $restic -Destination (Join-Path $folder 'restic.exe')
  Write-Settings
  Write-Program
  Open-Repository
  Register-Backup
  'Installed. Delete this file now: it holds the secrets of this machine.'
}
`
}

function writeLines({ name, lines }: SettingsFile): string {
  return `  Write-Lines ${quotePowerShell(name)} @(${lines.map(quotePowerShell).join(', ')})`
}

/** A time of day without a date and a country's way to write it. */
function triggerTimes({ hour, minute, days }: ScriptSchedule): string {
  const at = `-At (New-TimeSpan -Hours ${hour} -Minutes ${minute} | ForEach-Object { [datetime]::Today + $_ })`
  const capital = (day: Weekday) => `${day.charAt(0).toUpperCase()}${day.slice(1)}`
  return days ? `-Weekly -DaysOfWeek ${days.map(capital).join(', ')} ${at}` : `-Daily ${at}`
}

/**
 * The program that the schedule starts: one backup from a volume shadow copy, one report. It holds no secret. No value stands at
 * the beginning of a line in it: the text lies in a here-string, which only that could end.
 */
function runProgram({ machine, certificate, uploadLimit }: ScriptSettings): string {
  const limit = uploadLimit === undefined ? '' : ` --limit-upload ${uploadLimit}`
  const trust = certificate === undefined ? '' : `\n$env:RESTIC_CACERT = Join-Path $folder 'server.pem'`
  return String.raw`# Backs this machine up with restic and reports the result. Made by Understudy; it is made anew, not changed by hand.
$ErrorActionPreference = 'Continue'
$folder = $PSScriptRoot
Set-Location -LiteralPath $folder
$env:RESTIC_REPOSITORY_FILE = Join-Path $folder 'repository'
$env:RESTIC_PASSWORD_FILE = Join-Path $folder 'password'
$env:RESTIC_CACHE_DIR = Join-Path $folder 'cache'
$env:RESTIC_HOST = ${quotePowerShell(machine)}
$env:RESTIC_PROGRESS_FPS = '0.01'${trust}
$null = New-Item -ItemType Directory -Force -Path 'reports', 'log'

function Get-Now { [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ', [Globalization.CultureInfo]::InvariantCulture) }

# All file names are ours and have no blanks, so that no word needs quotes.
function Invoke-Program([string]$program, [string]$arguments) {
  $process = Start-Process -FilePath $program -ArgumentList $arguments -WorkingDirectory $folder -NoNewWindow -Wait -PassThru -RedirectStandardOutput 'out.txt' -RedirectStandardError 'err.txt'
  return $process.ExitCode
}

function ConvertTo-Text([string]$value) { ConvertTo-Json -Compress -InputObject $value }

function Get-Errors {
  $lines = @(Get-Content -LiteralPath 'err.txt' -Encoding UTF8 -Tail 20 -ErrorAction SilentlyContinue)
  $cut = @($lines | ForEach-Object { ConvertTo-Text ($_.Substring(0, [Math]::Min(400, $_.Length))) })
  return ($cut -join ',')
}

function Save-Report([int]$code, [string]$version) {
  $summary = Get-Content -LiteralPath 'out.txt' -Encoding UTF8 -ErrorAction SilentlyContinue | Where-Object { $_ -like '{*"message_type":"summary"*}' } | Select-Object -Last 1
  if ($null -eq $summary) { $summary = 'null' }
  $text = '{"format":1,"system":"windows","machine":' + (ConvertTo-Text $env:RESTIC_HOST) + ',"started":"' + $started + '","ended":"' + (Get-Now) + '","exitCode":' + $code
  $text += ',"restic":' + $(if ($version) { ConvertTo-Text $version } else { 'null' }) + ',"summary":' + $summary + ',"errors":[' + (Get-Errors) + ']}'
  $name = 'reports\' + [DateTime]::UtcNow.ToString('yyyyMMddTHHmmssZ', [Globalization.CultureInfo]::InvariantCulture) + '.json'
  [IO.File]::WriteAllText((Join-Path $folder $name), $text, (New-Object Text.UTF8Encoding($false)))
}

# Reports that could not be sent are kept, fifty at most, and sent by the next run.
function Send-Reports {
  $curl = Join-Path $env:SystemRoot 'System32\curl.exe'
  Get-ChildItem -LiteralPath 'reports' -Filter '*.json' | Sort-Object Name -Descending | Select-Object -Skip 50 | Remove-Item
  foreach ($file in @(Get-ChildItem -LiteralPath 'reports' -Filter '*.json' | Sort-Object Name)) {
    $code = Invoke-Program $curl ('--config report.curl --data-binary @reports/' + $file.Name)
    if ($code -ne 0) { Write-Log ('The report could not be sent: ' + (Get-Errors)); return }
    Remove-Item -LiteralPath $file.FullName
  }
}

function Write-Log([string]$line) {
  $log = 'log\backup.log'
  if ((Test-Path -LiteralPath $log) -and ((Get-Item -LiteralPath $log).Length -gt 1MB)) {
    foreach ($age in 3, 2, 1) { if (Test-Path -LiteralPath ($log + '.' + $age)) { Move-Item -Force -LiteralPath ($log + '.' + $age) -Destination ($log + '.' + ($age + 1)) } }
    Move-Item -Force -LiteralPath $log -Destination ($log + '.1')
  }
  Add-Content -LiteralPath $log -Encoding UTF8 -Value ((Get-Now) + ' ' + $line)
}

$started = Get-Now
$null = New-Item -ItemType File -Force -Path 'out.txt', 'err.txt'
$version = ''
$code = 127
$restic = Join-Path $folder 'restic.exe'
if ((& $restic version | Select-Object -First 1) -match '^restic (\d+\.\d+\.\d+)') { $version = $Matches[1] }
if ($version) {
  $code = Invoke-Program $restic 'backup --json --use-fs-snapshot${limit} --files-from-verbatim paths --iexclude-file excludes'
} else { Set-Content -LiteralPath 'err.txt' -Value 'restic cannot be started' }
Write-Log ('exit code ' + $code + ' ' + (Get-Errors))
Save-Report $code $version
Send-Reports
exit $code`
}
