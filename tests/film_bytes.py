"""Two small films that PyAV has no encoder for, as compressed text: Theora that repeats, monochrome AV1."""

from __future__ import annotations

import base64
import zlib

__all__ = ["AV1_MONOCHROME", "THEORA_REPEATS"]


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b85decode("".join(text.split())))


THEORA_REPEATS = _unpacked(r"""
c-p0xdpy(a8^;Yfi#eCjSjizQqQb+(hR`;rCdx3Z8gs~@<U9!_vLuy<Nf92C^Kocua+-v6+H$HCk|>Av+nV3+>961O$MbpJ-
|PLo?(4qp*L{EQ`}@arG$6p4kDqT-
sEu|Em(DLHkO1xY@IY*EC`N!Ez!||Av-4NuNR0CU{@eKY491RfXW{#O7H+`3v1Dkg1^YK$P2f!_$%#5(BK-Fs)Z1sG2Qe_<4p-
wm*dX6vKWwNuC+N!w8vY9IJcIM$<t6ga*0*P+vG24}ZK<8Tbl9zFNCqmW7$gG8@R3diiCF$`AwYbkb3pc!bvK#ysDsDPOlyA&eBiQ2Rt
xMQ{WJPt{$+n>(Wq)yt!tOSiQ7bC%v7!jk)iP|ZrXC9f<7Ql#}0`U{tnC31M&*vQ^wJ{nKX?4<0MjDzt3N8X|+}f`?75crDm?>HH=^la
?^LA@(yI%g05cd>KJ35GEx$!`4n1Sg{ez(I;c;)b>&2o5-h70{;jCgFCZusF*wKqf{;i{CX?eLkq8z52;mS30CFu734-
v*vww?^N&!H#C{#{92-
(q5#bj{Yjt(jd0Krfgj1C}#<FQx_Xac2!!6C<Tz<FW(B7?805RjN;I7p?kAY^hEfs>z@l;a%F0%D%+KP$ij`8XHDM#341hT&TjF3NYw2
~I^s=BBt1Y0H{Iun5S%6$pgPD&z<R#c)xG#Qbs#dG?<L1Ys7ftgN6QXrelom_!*XE*H7pKMM*3B`zBq8$&?I;@w;(kW)A?-
nYc{{#g*@zZ8h`0YVb8D4Xcm1Y;A7O)xgW+5~G8EFcgF4Jqsd@W2n^K^@5h3dsWs$pb2jhwP$F6aoMMXhJ7{0uM=>5Zr_yfCoVU4?_Gr
h-
^ZHFXn`2_=OX%K3V8jR&Dp!j3Fv_JeNHm+H2Ev#e^C=C1c&%LCIcyjxy@4q>UwuKI!<Z;*i^qseK@sQHE++i<F|9rsDFv(kX)aS@4txh
%<gIv7vK5?(mvuP0<xsTWH#JDF>C^iH12tN#ka-jUZ~zh;Q&Mi?oFnnXmQhnkpr#j2V=5H~+^Ge`mz$wrzVs@a2Saa$hLD%^H?-
i1YB<q51g8D)%kg86s_9cDhY@s8oZsY5vJM5KdWwM*7pl$$k>C5_~B8n+r+g>j5WH`Iw$b8qh1DID!7|V)NOzY`^ZsF)iVT)S6k-
E4psJQt>@kV3)0j=(X(OyNxe)9E(xY6da=0MD1l7etfUsCg|ZyCviif6{;<tgobU{0%Jceh&CpFT0QPvLD+rWF`NdNcA9s!jR%j;zG`*
aoqI~M{~<<Z*hE}M(t@T6k0q34=WJoz_IpG=NhGDy>37HBw;RHwFNVyWQTu?m*&|X(pv|IfNSWZ1FC#(5!xwI3bQM~x`qgbuLue$U(M?
}J+fB!gCtEjGz4!22aT34rJ!{~sJW99x<em%j@#B}+qa{%=^{dz}xmV+Qrq80h#b?p?<3Fk@$21i>=^Vck8j-
q0vL1r}D1pgNEB04XFMhojf=`<n6g!0rBupte>WqWGdS;mPZf{IkzD64BW@@}#5f0%Gs5zo}+vT32=HOmTgOsVU*zRSt`f16}GdeVX@2
TN)ehuu*v{H{wzSU&|*~wR@$MtS?>Q;mSSUNtJTC>f?(d{f(_1s6nrt7!619jzJy^cTSfQMJpWu4N|2a~&3i7pw9hx%pLgSG;bX_B?eU
ZxbUV&&X^nP>$y5p5J~Ui|Q~mRW`GrN??jhr<ZH+Yv8M`seEWlxw)<(^mxcOCI`M@z~_{8gunIDKVA64#`EhXcwCXiryV}44h`&GNJxa
v;J*|*D<%~<j=hnCQ2P4S(1x3BF4dm8>4Ev+TbHPkN~ww(Yas*+RHvtbWTICuQu0iAF(5@Z7XpbYy9mM2cMq+S50+?8@`i5b5cGvXBQR
2QhNY(4{>^tl^a-}GF!LSf>2>8vZ~$&Ho#^vViJ>TgfD;5L*7GlsR!i4#-
}psFNg|UBz}@}{GLX`nI7_34v$IIMlsJpluyx1!ZC3X%7t#V=8poKRFCY;XEzE<?SE}PtqFF#pCWWNUCT8q?C?E|QT2JXnK2JF=^tInz
4aER@V^Yxbvy$<Nbk<YnUnc%W-
x0!+5~3Q>TgNP$;i~@pN#2b!WCnt&{+Fp56_CkJQZ_QYf1rxsVa}4aZxfQ`0|_Z0?jK7^CH6PN7o(IlH9I4-
9Hy1F2Q0|Fr6>Om_fc0?}P__I3sE$CLWFp`P${5*3CQAR!w`eLy4JY-aW~#oZ4cu)6e+1p~F<+6_uv6>PHr;8s^z63YP~f6z^{{>V4^X
%+VrHe#{w>K2ds5Eqg6I_<%g>P<!&U(&8UAAaeVl1Vd=N*ikQQ>H`-
0CP?emS7JLr0r48pvvAc>2Or*Vrq=8W#rn;kyN~+rV{80e$L?WI>hXrN?_)9Bb=KXz3rG)|p@=tk4TMh@G3)QWNj*ZB=&Q9KI&*`?zNj
?}tERNtBNl*5;1eC`pt{nV0s23w2c4P{-
#&<<DEjue9sujxQ}LxaeTLnW%c;mPzHf_}BW|$yipL}^g$<1YTj}!h48?2vaQOoGkmjF7D))}Sl~enzKBV_<^TFlg1M6SNTcQrl(QtO`
@5D!r>vEYGBl3OGF+yB!*ZB<eSG2dat^GLOcmC<fuy%37({_FX?#8Yextv^xogI~cKpXLCPoi(R+QMw@afbM?q7_{N=qod#NB^_xx9)f
6%ia0JAni-*)RMwe^MIYbL;mAWuLCvaI&1XL9asx#9DGEFl;CSgFj0MY&&^b+Kgz2L>gyF2;^Z_!%nA-
(as`VVjjO4qyhS#M3E<I20}8VG*XM;MmSz(;X$FPYP5QurTaRK_Wy-9N?ybPQ^%RjgkVB-
8Zp^vbVg0PaSaoGeCmNnA<gFP#^%Xwx#s1z%Vm$XGiu=u?L2Z*#udA@q1yAMYv`PgoA~IzcE2$?{-
tI+s+wQ_a>Kdmq9N#prJ0s?2+^FUn=_JyfAglFO4IvFYb~o;hyDWo>Mk^vp?`y;~wCu|(3B6qVSae54kwD*@%$fQ4%RTUCt7Td3SEX|z
fwZ*F$p_teb;F(h$JoKpmJ^Ai?8wJNQle{@u7^Lq%wKT;u61Z9T&&C<ncw_Togc0s-
?&S>1QR!bcc9=3dK3m&pZ3e6;xo|4CSvKHmvWr&57;TkYI>VS6u*6trGuo+Y8|1H{c)NGU|G)fMTb6a7F!Y1u!-
weIk&al$yTzKyF^OoTA4H7mx0dIidU4!W&IP$&Pb`dE#EC+g`hp0OX08^dwC^DZH1Ob|9Ms#2DrZ0kn@v>&*d($L#u1|i^Rmgma$Q2CC
pMj(5;^RNcy$-X~lsz@3pm}-gWK|%3deRB}LIesqutE5`=)PGqZCJ-$&tVq2%@>I?>u?urJw%fqcwxCFX$oi_uqkUn(<~r{J;I-
4<P4E>D0{)B)7@kd8Yx5C3X3obXcn+;e3^w_>uaR31erxDSw7aCl~j$M(Pu9DdhBYiV2ZdZD5=C+?eaSKqV!Pqe3SK9Me=lu?4qtE+x%
AsnavUTS8h$5ppn4XIecvLx7^$l+|#F3*?vntXf^jqVwJ_8rF3#Bc1h3Xjb($h)r7XNa#Dwk|2U_9S6xDPp3)s#zmGXs^XKpJ)6074uJ
rx7tZs$sKibw=WimRs}3#SDb22lQ%L50XZ$r1oHhS(qyox%}7;Cp7qQHi&dKUOLsF)uKC8|E*H}OIXzyjWBFUH!!4gSyf&Bs4GE&l(W8
;%u??}59ex+o9M+`0ymv0>gR||x54a}VGyYe)p#5*@0vx7hqE^KIuAu${97RJ{
""")
"""Ogg, 32 x 32, 10 fps: one picture, a ramp from left to right, and ten empty packets that repeat it."""

AV1_MONOCHROME = _unpacked(r"""
c-
nLE_H<)lP+)KjGca^uaA0`B%)r3Nz`&pbB7i`Z0Re;<xVV56)B69j<5e7tL<JaH7#KJh8hBM_+e!ShITc@T^DIyVs3HZf!AQV>`9K2$g
WD94N(F|Q0wDPl$nvZQSrGDbJ^%m_Cl;m
""")
"""Ivf, 64 x 64, 10 fps, 3 pictures of studio range: left half black (16), right half white (235)."""
