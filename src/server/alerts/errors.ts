import { errorClass } from '#base'

/** Why an alert does not reach its reader. No entry names more of an address than its host: the rest may be a secret. */
export const alertErrors = {
  ALERT_ADDRESS_REFUSED: {
    message: 'The address {host} leads into a private network ({address}), where alerts are not sent.',
    hint: 'If that is meant, the administrator of the server adds this network to those that alerts may reach.',
  },
  ALERT_NETWORK_INVALID: {
    message: '{network} is no network that alerts could be allowed to reach.',
    hint: 'Write an address, or a network such as 192.168.10.0/24 or fd00::/8.',
  },
  ALERT_NOT_ENCRYPTED: {
    message: 'The connection to {host} would not be encrypted.',
    hint: 'Use https:// or a mail server with TLS. Without encryption only networks are reached that the administrator has allowed.',
  },
  ALERT_NAME_UNKNOWN: {
    message: 'The name {host} is not known ({reason}).',
    hint: 'Check the spelling, and that this server can look up names.',
  },
  ALERT_UNREACHABLE: {
    message: '{host} cannot be reached ({reason}).',
    hint: 'Check the address and the port, and that this server gets out to the Internet.',
  },
  ALERT_TOO_SLOW: {
    message: '{host} did not answer within {seconds} seconds.',
    hint: 'Check the address and the port; if both are right, the other side is overloaded or a firewall swallows the packets.',
  },
  ALERT_TLS_REFUSED: {
    message: 'The connection to {host} is not trusted: {reason}.',
    hint: 'Mend the certificate of the other side; where it is made by an authority of your own, give that to the server.',
  },
  ALERT_TLS_MISSING: {
    message: 'The mail server {host} offers no encryption.',
    hint: 'Ask for its encrypted port: 465 (tls) or 587 (starttls).',
  },
  ALERT_LOGIN_REFUSED: {
    message: '{host} refuses user name and password: {reason}.',
    hint: 'Check both. Some providers want a password that is made for one application.',
  },
  ALERT_SENDER_REFUSED: {
    message: '{host} does not take mail from {sender}: {reason}.',
    hint: 'Use a sender that belongs to the account, or ask the provider to allow this one.',
  },
  ALERT_READER_REFUSED: {
    message: '{host} does not take mail for {reader}: {reason}.',
    hint: 'Check the address of the reader.',
  },
  ALERT_REFUSED: {
    message: '{host} refuses the message: {reason}.',
    hint: 'Check the address and the settings of this channel on the other side.',
  },
  ALERT_BUSY: {
    message: '{host} does not take the message now: {reason}.',
    hint: 'It is tried again by itself.',
  },
  ALERT_REDIRECTED: {
    message: '{host} sends us on to another address ({status}), which is not followed.',
    hint: 'Give the final address.',
  },
  ALERT_ADDRESS_MISSING: {
    message: 'There is no email address for {person}.',
    hint: 'Enter one.',
  },
  ALERT_CHANNEL_GONE: {
    message: 'The channel {channel} has been removed.',
    hint: 'Nothing need be done: what the message said is said on the channels that there are.',
  },
} as const

export class AlertError extends errorClass('AlertError', alertErrors) {}
