package vip

// Both families ask, tell and listen with the same three words. Nothing here does
// I/O.

// letter is a frame without its Ethernet header.
type letter struct {
	peer mac // whom one that is sent is for, whom one that is heard is from
	body []byte
}

// everyone is Ethernet's broadcast address.
var everyone = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// question asks the neighbours who has the address, and teaches them nothing.
func (a Address) question(from mac) letter {
	ip := a.Prefix.Addr()
	if ip.Is4() {
		return letter{everyone, probe(from, ip).marshal()}
	}
	return letter{groupMAC(solicitedNode(ip)), solicitation(ip).marshal()}
}

// announcements tell the neighbours that the address is here: one round.
func (a Address) announcements(from mac) []letter {
	ip := a.Prefix.Addr()
	if ip.Is4() {
		return []letter{
			{everyone, announcement(from, ip, false).marshal()},
			{everyone, announcement(from, ip, true).marshal()},
		}
	}
	return []letter{{groupMAC(allNodes), advertisement(from, ip).marshal()}}
}

// hear is the claim in what was received, from whichever host, if there is one.
// What is no frame of the family, or a broken one, claims nothing.
func (a Address) hear(l letter) (Conflict, bool) {
	ip, from := a.Prefix.Addr(), l.peer
	var claims, probes bool
	if ip.Is4() {
		f, err := parseARP(l.body)
		if err != nil {
			return Conflict{}, false
		}
		from, claims, probes = f.sender, f.claims(ip), f.probes(ip)
	} else {
		f, err := parseND(l.body)
		if err != nil {
			return Conflict{}, false
		}
		if f.link != (mac{}) {
			from = f.link
		}
		claims, probes = f.claims(ip), f.probes(ip)
	}
	if !claims && !probes {
		return Conflict{}, false
	}
	return Conflict{Addr: ip, MAC: from.hardware(), Probing: probes}, true
}
