import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { absolutePaths, reportService, settingsFiles, settingsIn } from '../services.ts'
import type { Service } from '../services.ts'

/** Programs that serve web pages, mail or telephone calls. */
const services: readonly Service[] = [
  {
    name: 'nginx',
    kind: 'web-server',
    title: 'Web server nginx',
    processes: ['nginx'],
    units: ['nginx'],
    ports: [80, 443],
    settings: ['/etc/nginx/nginx.conf', '/etc/nginx/sites-available', '/etc/nginx/conf.d'],
    data: ['/etc/nginx', '/var/www', '/etc/letsencrypt'],
    findData: (machine) => absolutePaths(settingsIn(machine, nginxFiles(machine), /^\s*root\s+([^;]+);/)),
    backUpBy: 'files',
    advice: 'Back up its settings, certificates and pages as files; what sites keep in databases needs dumps.',
  },
  {
    name: 'apache',
    kind: 'web-server',
    title: 'Web server Apache',
    processes: ['apache2', 'httpd'],
    units: ['apache2', 'httpd'],
    ports: [80, 443],
    settings: ['/etc/apache2/apache2.conf', '/etc/httpd/conf/httpd.conf'],
    data: ['/etc/apache2', '/etc/httpd', '/var/www', '/etc/letsencrypt'],
    findData: (machine) => absolutePaths(settingsIn(machine, apacheFiles(machine), /^\s*DocumentRoot\s+(.+)$/i)),
    backUpBy: 'files',
    advice: 'Back up its settings, certificates and pages as files; what sites keep in databases needs dumps.',
  },
  {
    name: 'caddy',
    kind: 'web-server',
    title: 'Web server Caddy',
    processes: ['caddy'],
    units: ['caddy'],
    ports: [80, 443],
    settings: ['/etc/caddy/Caddyfile'],
    data: ['/etc/caddy', '/var/lib/caddy', '/var/www'],
    findData: (machine) => absolutePaths(settingsIn(machine, ['/etc/caddy/Caddyfile'], /^\s*root\s+(?:\*\s+)?(\S+)/)),
    backUpBy: 'files',
    advice: 'Back up its settings, certificates and pages as files; what sites keep in databases needs dumps.',
  },
  {
    name: 'dovecot',
    kind: 'mail-server',
    title: 'Mailboxes of Dovecot',
    processes: ['dovecot'],
    units: ['dovecot'],
    ports: [143, 993, 110, 995],
    settings: ['/etc/dovecot/dovecot.conf'],
    data: ['/etc/dovecot', '/var/vmail', '/var/mail', '/var/spool/mail'],
    findData: (machine) => mailLocations(machine),
    backUpBy: 'files',
    advice: 'Back up mailboxes as files: each message is a file of its own, or files only grow.',
  },
  {
    name: 'cyrus',
    kind: 'mail-server',
    title: 'Mailboxes of Cyrus',
    processes: ['cyrmaster', 'imapd'],
    units: ['cyrus-imapd'],
    ports: [143, 993],
    settings: ['/etc/imapd.conf', '/etc/cyrus.conf'],
    data: ['/var/lib/cyrus', '/var/spool/cyrus'],
    backUpBy: 'hook',
    advice: 'A hook writes the list of mailboxes (ctl_mboxlist -d) before the files are read.',
  },
  {
    name: 'postfix',
    kind: 'mail-server',
    title: 'Mail server Postfix',
    processes: ['qmgr'],
    units: ['postfix', 'postfix@'],
    ports: [25, 587, 465],
    settings: ['/etc/postfix/main.cf'],
    data: ['/etc/postfix', '/etc/aliases', '/var/mail', '/var/spool/mail'],
    backUpBy: 'files',
    advice: 'Back up its settings as files, and the mail it puts into folders of this machine.',
  },
  {
    name: 'exim',
    kind: 'mail-server',
    title: 'Mail server Exim',
    processes: ['exim4', 'exim'],
    units: ['exim4', 'exim'],
    ports: [25, 587, 465],
    settings: ['/etc/exim4/update-exim4.conf.conf', '/etc/exim/exim.conf'],
    data: ['/etc/exim4', '/etc/exim', '/etc/aliases', '/var/mail', '/var/spool/mail'],
    backUpBy: 'files',
    advice: 'Back up its settings as files, and the mail it puts into folders of this machine.',
  },
  {
    name: 'asterisk',
    kind: 'telephone-system',
    title: 'Telephone system Asterisk',
    processes: ['asterisk'],
    units: ['asterisk', 'freepbx'],
    ports: [5060, 5061, 5038],
    settings: [
      '/etc/asterisk/asterisk.conf',
      '/etc/asterisk/sip.conf',
      '/etc/asterisk/pjsip.conf',
      '/etc/freepbx.conf',
    ],
    data: [
      '/etc/asterisk',
      '/etc/freepbx.conf',
      '/var/lib/asterisk',
      '/var/spool/asterisk',
      '/var/log/asterisk/cdr-csv',
    ],
    findData: (machine) =>
      absolutePaths(
        settingsIn(
          machine,
          ['/etc/asterisk/asterisk.conf'],
          /^\s*(?:astetcdir|astvarlibdir|astdbdir|astspooldir|astdatadir)\s*=>?\s*(\S+)/,
        ),
      ),
    backUpBy: 'files',
    advice:
      'Back up settings, voicemail and recordings as files; FreePBX and call records in MariaDB need its dump too.',
  },
  {
    name: 'freeswitch',
    kind: 'telephone-system',
    title: 'Telephone system FreeSWITCH',
    processes: ['freeswitch'],
    units: ['freeswitch'],
    ports: [5060, 5080, 8021],
    settings: ['/etc/freeswitch/freeswitch.xml', '/usr/local/freeswitch/conf/freeswitch.xml'],
    data: [
      '/etc/freeswitch',
      '/var/lib/freeswitch',
      '/usr/local/freeswitch/conf',
      '/usr/local/freeswitch/storage',
      '/usr/local/freeswitch/recordings',
      '/usr/local/freeswitch/db',
    ],
    backUpBy: 'files',
    advice: 'Back up settings, voicemail and recordings as files; its SQLite databases need dumps.',
  },
  {
    name: '3cx',
    kind: 'telephone-system',
    title: 'Telephone system 3CX',
    processes: ['3CXPhoneSystem', 'PhoneSystem', '3CXGatewayServi', '3CXIVR'],
    units: ['3CXPhoneSystem01', '3CXPhoneSystem', '3CXGatewayService', '3CXIVR01'],
    ports: [5060, 5090, 5001],
    settings: ['/var/lib/3cxpbx/Bin/3CXPhoneSystem.ini', '/var/lib/3cxpbx/Instance1'],
    data: ['/var/lib/3cxpbx'],
    backUpBy: 'hook',
    advice: 'A hook makes the backup of 3CX itself, which has its PostgreSQL in it; keep the recordings as files.',
  },
  {
    name: 'kamailio',
    kind: 'telephone-system',
    title: 'SIP server Kamailio',
    processes: ['kamailio'],
    units: ['kamailio'],
    ports: [5060, 5061],
    settings: ['/etc/kamailio/kamailio.cfg', '/usr/local/etc/kamailio/kamailio.cfg'],
    data: ['/etc/kamailio', '/usr/local/etc/kamailio', '/var/lib/kamailio'],
    backUpBy: 'files',
    advice: 'Back up its settings as files; subscribers and routes in a database need its dump too.',
  },
]

export const servers: Probe = {
  name: 'servers',
  title: 'web, mail and telephone servers',
  look: (machine) => {
    for (const service of services) reportService(machine, service)
  },
}

function nginxFiles(machine: Machine): string[] {
  return settingsFiles(machine, '/etc/nginx/nginx.conf', '/etc/nginx/sites-enabled', '/etc/nginx/conf.d')
}

function apacheFiles(machine: Machine): string[] {
  const debian = ['/etc/apache2/sites-enabled', '/etc/apache2/conf-enabled']
  return settingsFiles(machine, ...debian, '/etc/httpd/conf/httpd.conf', '/etc/httpd/conf.d')
}

/** `maildir:/var/vmail/%d/%n`: as far as it is the same for everybody. */
function mailLocations(machine: Machine): string[] {
  const files = settingsFiles(machine, '/etc/dovecot/dovecot.conf', '/etc/dovecot/conf.d')
  const locations = settingsIn(machine, files, /^\s*(?:mail_location|mail_path|mail_home)\s*=\s*(\S+)/)
  const paths = locations.map((location) => location.replace(/^\w+:/, '').replace(/[:%].*$/, ''))
  return absolutePaths(paths.map((path) => path.replace(/\/[^/]*$/, (last) => (last === '/' ? '' : last))))
}
