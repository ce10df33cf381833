import type { KitWords } from './words.ts'

export const english: KitWords = {
  locale: 'en-GB',
  title: 'Recovery kit',
  codeOf: (code) => `Code of this kit: ${code}`,
  made: (date) => `Made on ${date}. Whatever was added or changed later is not in it.`,
  covers: (repositories, machines) =>
    `It covers ${repositories === 1 ? 'one repository' : `${repositories} repositories`} with the data of ${machines === 1 ? 'one machine' : `${machines} machines`}.`,
  purposeHeading: 'What this is',
  purpose:
    'With this kit, any computer and the free program restic, all data can be got back, even when every machine, the backup server and this product are gone.',
  keep: 'Keep it like cash: printed, in two places that one fire or one burglary cannot reach together, and not on the machines it is for.',
  readersHeading: 'Who can read the data',
  readers: (readers) => `Whoever has this kit${readers.length > 0 ? `, and: ${readers.join('; ')}` : ''}. Nobody else.`,
  eachMachine: 'each machine, its own data',
  theServer: (origin) => `the backup server at ${origin}, which has the passwords`,
  lost: 'If this kit and the backup server are both lost, the data is lost for good. Nobody can open it without a password from this kit: not the maker of the program, not the owner of the storage.',
  seen: 'If a stranger may have seen this kit: change the passwords of servers and storage at once, and make new repositories. A new password alone does not lock out somebody who has copied the old one and the data.',
  contact: (contact) => `Help: ${contact}`,
  stepsHeading: 'Getting everything back',
  stepRestic: (least) =>
    `Install restic ${least} or newer: from https://restic.net, or on Linux with \`apt install restic\`, on macOS with \`brew install restic\`, on Windows with \`winget install restic.restic\`. \`restic version\` shows which one it is.`,
  stepType: (example) =>
    `Open a terminal (Windows: PowerShell) and change to a folder with enough room. Then type the lines of the repository below, exactly as they stand; each begins with ${example}. They count until the window is closed.`,
  stepCheck:
    'Check what you typed: this gives four characters for every line of the password. They must be those behind the lines of the password below.',
  stepLook: 'See what there is:',
  stepRestore: (target) =>
    `Get it back: the lines under “Afterwards” at the repository bring the newest state of each machine into the folder “${target}”. For an older state write its short name from the list (such as 1a2b3c4d) in place of “latest”.`,
  stepProve: 'Have the copy itself proven, when there is time (it reads everything):',
  repository: (name) => `Repository “${name}”`,
  machines: (machines) => `Machines: ${machines.join(', ')}`,
  noMachines: 'No machine has stored anything here yet.',
  ownBackup: (server) => `The server “${server}” itself`,
  ownBackupPurpose: (file) =>
    `From this the whole server is brought back, with everything of all its clients: whoever has this part can read all of it. Install Understudy on a new machine, type the lines below, write the password into the file ${file}, and start it with the line under “Afterwards”.`,
  password: 'Password of the repository',
  restPassword: 'Password of the server',
  secretKey: 'Secret key of the storage',
  sftpPassword: 'Password of the server, which ssh asks for',
  byHand:
    'The password of this repository is not known to the server. Write it here by hand, and set it as RESTIC_PASSWORD, or type it when restic asks:',
  way: (place, of) => (of === 1 ? 'Where it lies' : `Where it lies, way ${place} of ${of}`),
  local: (path, disk) => `the folder ${path}${disk === undefined ? '' : ` on ${disk}`}; change it to where you find it`,
  rest: (url) => `the backup server at ${url}`,
  s3: (endpoint, bucket) => `the bucket ${bucket} at ${endpoint}`,
  sftp: (host) => `the server ${host}, by SSH`,
  shell: 'Linux and macOS',
  powershell: 'Windows',
  afterwards: 'Afterwards',
  confirmHeading: 'Prove that this kit is stored',
  confirm: (code) =>
    `Type the code ${code} into the console, now and once a year, from the paper. Until then the kit counts as not stored.`,
  page: (page, of) => `Page ${page} of ${of}`,
}
